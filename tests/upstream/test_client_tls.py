"""TLS towards a provider: who is believed, and what the caller is told when nobody is."""

import asyncio
import ssl
from pathlib import Path

import pytest

from stockyard.upstream.client import Client
from stockyard.upstream.origin import Origin
from stockyard.upstream.proxy import ProxySettings
from tests.certificates import DAY, Authority, Issued
from tests.upstream.loopback import (
    HELLO,
    Handler,
    Heard,
    Loopback,
    Pausing,
    a_call,
    calling,
    heard_from,
    origin_of,
    serving,
    until,
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


def speaking(issued: Issued, **options: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*issued)
    context.set_alpn_protocols(["h2", "http/1.1"])
    for name, value in options.items():
        setattr(context, name, value)
    return context


def says_hello(chosen: list[object] | None = None, heads: list[bytes] | None = None) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if chosen is not None:
            tls = writer.get_extra_info("ssl_object")
            chosen.extend([tls.selected_alpn_protocol(), tls.version()])
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            if heads is not None:
                heads.append(head)
            writer.write(HELLO)

    return handler


def local(client: Client, server: Loopback, host: str = "127.0.0.1", **options: object) -> Origin:
    return origin_of(client, f"https://{host}:{server.port}", **options)


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "api.provider.example"])
async def test_a_certificate_of_the_named_authority_is_believed(
    authority: Authority, host: str
) -> None:
    chosen: list[object] = []
    tls = speaking(authority.issue(host))
    async with (
        serving(says_hello(chosen), tls=tls) as server,
        calling(lookup=to_loopback) as client,
    ):
        origin = local(client, server, host, ca_file=authority.file)
        first, _ = await heard_from(client, a_call(origin))
        second, sending = await heard_from(client, a_call(origin))
    assert (first.body, second.body, sending.reused) == (b"hello", b"hello", True)
    assert sending.connect_us == 0
    assert chosen == ["http/1.1", "TLSv1.3"]


REFUSED = {
    "another name": ("api.provider.example", {}, "is for another name"),
    "another address": ("127.0.0.2", {}, "is for another name"),
    "expired": ("127.0.0.1", {"starts": -2 * DAY, "ends": -DAY}, "has expired"),
    "not valid yet": ("127.0.0.1", {"starts": DAY, "ends": 2 * DAY}, "is not valid yet"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_s36_a_certificate_that_does_not_fit_is_refused(
    authority: Authority, name: str
) -> None:
    subject, validity, said = REFUSED[name]
    tls = speaking(authority.issue(subject, **validity))
    host = "other.provider.example" if name == "another name" else "127.0.0.1"
    async with serving(says_hello(), tls=tls) as server, calling(lookup=to_loopback) as client:
        origin = local(client, server, host, ca_file=authority.file)
        heard, sending = await heard_from(client, a_call(origin))
        assert origin.pool.open == 0
    assert heard.error is not None
    assert (heard.error.kind, heard.error.code, heard.error.nothing_sent) == (
        "unreachable",
        "tls",
        True,
    )
    assert said in heard.error.message.replace("another address", "another name")
    assert not sending.sent


async def test_s36_an_unknown_authority_is_refused(
    authority: Authority, stranger: Authority
) -> None:
    tls = speaking(authority.issue("127.0.0.1"))
    async with serving(says_hello(), tls=tls) as server, calling() as client:
        for options in ({}, {"ca_file": stranger.file}):
            heard, _ = await heard_from(client, a_call(local(client, server, **options)))
            assert heard.error is not None
            assert "not from a trusted authority" in heard.error.message


async def test_s36_an_old_version_of_tls_is_refused(authority: Authority) -> None:
    tls = speaking(authority.issue("127.0.0.1"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(says_hello(), tls=tls) as server, calling() as client:
        heard, _ = await heard_from(client, a_call(local(client, server, ca_file=authority.file)))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.code) == ("unreachable", "tls")


async def test_a_client_certificate_is_shown_to_who_asks(authority: Authority) -> None:
    tls = speaking(authority.issue("127.0.0.1"), verify_mode=ssl.CERT_REQUIRED)
    tls.load_verify_locations(authority.file)
    ours = authority.issue("client.example")
    async with serving(says_hello(), tls=tls) as server, calling() as client:
        with_ours = local(
            client, server, ca_file=authority.file, client_cert=ours.cert, client_key=ours.key
        )
        heard, _ = await heard_from(client, a_call(with_ours))
        assert heard.body == b"hello"
        without = local(client, server, ca_file=authority.file)
        heard, _ = await heard_from(client, a_call(without))
        assert heard.error is not None
        assert heard.error.kind in ("interrupted", "unreachable")


async def test_a_ca_file_that_is_not_there_fails_the_call_with_words(tmp_path: Path) -> None:
    async with serving(says_hello()) as server, calling() as client:
        origin = local(client, server, ca_file=str(tmp_path / "none.pem"))
        heard, _ = await heard_from(client, a_call(origin))
        assert origin.pool.open == 0
    assert heard.error is not None
    assert heard.error.message == (
        "The CA or client certificate set for the provider cannot be read."
    )


async def test_plain_http_on_a_tls_port_is_no_handshake() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(handler) as server, calling() as client:
        heard, _ = await heard_from(client, a_call(local(client, server)))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.code) == ("unreachable", "tls")


async def test_s40_a_paused_call_is_not_read_over_tls_either(authority: Authority) -> None:
    size = 24 * 1024 * 1024
    written = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await server.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536
        await reader.read()

    tls = speaking(authority.issue("127.0.0.1"))
    async with serving(handler, tls=tls) as server, calling() as client:
        heard = Pausing()
        outgoing = a_call(local(client, server, ca_file=authority.file))
        heard.sending = sending = client.start(outgoing, heard)
        await heard.until(lambda: heard.status == 200)
        await asyncio.sleep(0.2)
        assert len(heard.body) <= 2 * 65536
        assert written < size
        sending.resume()
        await heard.end()
        assert (heard.error, len(heard.body)) == (None, size)


async def test_hanging_up_over_tls_is_seen_at_once(authority: Authority) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        try:
            await reader.read()
        finally:
            closed.set()

    tls = speaking(authority.issue("127.0.0.1"))
    async with serving(handler, tls=tls) as server, calling() as client:
        sending = client.start(a_call(local(client, server, ca_file=authority.file)), Heard())
        await until(lambda: bool(server.requests))
        sending.cancel()
        await until(closed.is_set)


# Through a proxy.


def tunnelling(target: Loopback, seen: list[bytes], answer: bytes = b"") -> Handler:
    """A proxy that connects everybody to `target`, whatever they ask for."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one side is gone, so the other is let go
        finally:
            writer.close()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer or b"HTTP/1.1 200 Connection established\r\n\r\n")
        there, back = await asyncio.open_connection("127.0.0.1", target.port)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    return handler


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_tunnel_leads_through_the_proxy_to_a_verified_provider(
    authority: Authority, scheme: str
) -> None:
    seen: list[bytes] = []
    inside: list[bytes] = []
    tls = speaking(authority.issue("api.provider.example"))
    proxy_tls = speaking(authority.issue("127.0.0.1")) if scheme == "https" else None
    async with (
        serving(says_hello(heads=inside), tls=tls) as server,
        serving(tunnelling(server, seen), tls=proxy_tls) as proxy,
        calling() as client,
    ):
        settings = ProxySettings(
            https=f"{scheme}://me:pa%20ss@127.0.0.1:{proxy.port}", ca_file=authority.file
        )
        origin = origin_of(
            client, "https://api.provider.example", ca_file=authority.file, proxy=settings
        )
        first, _ = await heard_from(client, a_call(origin))
        second, sending = await heard_from(client, a_call(origin))
        assert (first.error, first.body, second.body) == (None, b"hello", b"hello")
        assert sending.reused
    assert seen == [
        b"CONNECT api.provider.example:443 HTTP/1.1\r\nhost: api.provider.example:443\r\n"
        b"proxy-authorization: Basic bWU6cGEgc3M=\r\n\r\n"
    ]
    # What opens the proxy is not for the provider.
    assert inside == [a_call(origin).head] * 2


async def test_a_proxy_cannot_stand_in_for_the_provider(
    authority: Authority, stranger: Authority
) -> None:
    tls = speaking(stranger.issue("api.provider.example"))
    seen: list[bytes] = []
    async with (
        serving(says_hello(), tls=tls) as server,
        serving(tunnelling(server, seen)) as proxy,
        calling() as client,
    ):
        settings = ProxySettings(https=f"http://127.0.0.1:{proxy.port}")
        origin = origin_of(
            client, "https://api.provider.example", ca_file=authority.file, proxy=settings
        )
        heard, _ = await heard_from(client, a_call(origin))
        assert origin.pool.open == 0
    assert heard.error is not None
    assert "not from a trusted authority" in heard.error.message
