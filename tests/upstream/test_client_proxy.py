"""Proxies: which calls take one, what it is asked, and what happens when it will not."""

import asyncio
from collections.abc import Sequence

import pytest

from stockyard.errors import EgressDenied
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.proxy import ProxySettings, parse_proxy, proxy_for
from stockyard.upstream.url import parse_url
from tests.upstream.loopback import (
    HELLO,
    a_call,
    answering,
    calling,
    heard_from,
    origin_of,
    serving,
    until,
)

PROXY = "http://proxy.example:3128"
API = "https://api.provider.example:8443"


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxied"),
    [
        (API, "", True),
        (API, "*", False),
        (API, "provider.example", False),
        (API, ".provider.example", False),
        (API, "*.provider.example", False),
        (API, "api.provider.example", False),
        (API, "API.Provider.Example", False),
        (API, "other.example, provider.example:8443", False),
        (API, "provider.example:443", True),
        (API, "ovider.example", True),
        (API, "other.example,,", True),
        ("https://10.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://10.1.2.3", "10.1.2.3:443", False),
        ("https://10.1.2.3", "2.3", True),
        ("https://10.1.2.3", "11.0.0.0/8", True),
        ("https://[fd00::1]", "fd00::/8", False),
        ("https://[fd00::1]", "[fd00::1]:443", False),
        ("https://[fd00::1]", "fd00::1", False),
        ("https://127.0.0.1", "", False),
        ("https://[::1]", "", False),
        ("https://localhost", "", False),
    ],
)
def test_hosts_in_no_proxy_are_called_directly(url: str, no_proxy: str, proxied: bool) -> None:
    settings = ProxySettings(http=PROXY, https=PROXY, no_proxy=no_proxy)
    assert (proxy_for(parse_url(url), settings) is not None) is proxied


def test_each_scheme_has_a_proxy_of_its_own() -> None:
    only_https = ProxySettings(https=PROXY)
    assert proxy_for(parse_url("http://api.example"), only_https) is None
    assert proxy_for(parse_url("https://api.example"), only_https) is not None
    assert proxy_for(parse_url("https://api.example"), None) is None


@pytest.mark.parametrize(
    ("text", "authority", "authorization"),
    [
        ("proxy.example:3128", "proxy.example:3128", None),
        ("http://proxy.example:3128/", "proxy.example:3128", None),
        ("https://proxy.example", "proxy.example", None),
        ("http://me:secret@10.0.0.1:3128", "10.0.0.1:3128", b"Basic bWU6c2VjcmV0"),
        ("http://me@[fd00::1]:3128", "[fd00::1]:3128", b"Basic bWU6"),
        ("http://a%40b:c%3Ad@proxy.example", "proxy.example", b"Basic YUBiOmM6ZA=="),
    ],
)
def test_a_proxy_is_read_as_environments_spell_it(
    text: str, authority: str, authorization: bytes | None
) -> None:
    proxy = parse_proxy(text)
    assert (proxy.url.authority, proxy.authorization) == (authority, authorization)


@pytest.mark.parametrize(
    "text", ["socks5://proxy.example:1080", "http://a@b@proxy.example", "http://", "http://pro xy"]
)
def test_a_proxy_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(EgressDenied):
        parse_proxy(text)


async def test_plain_http_names_the_whole_url_to_the_proxy() -> None:
    async with answering(HELLO) as proxy, calling() as client:
        settings = ProxySettings(http=f"http://me:secret@127.0.0.1:{proxy.port}")
        origin = origin_of(client, "http://models.example:8000", proxy=settings)
        for _ in range(2):
            heard, _ = await heard_from(client, a_call(origin))
            assert heard.body == b"hello"
    assert proxy.connections == 1
    assert (
        proxy.requests
        == [
            b"POST http://models.example:8000/v1/chat HTTP/1.1\r\nhost: models.example:8000\r\n"
            b"x-test: 1\r\ncontent-length: 2\r\nproxy-authorization: Basic bWU6c2VjcmV0\r\n\r\n{}"
        ]
        * 2
    )


REFUSALS = {
    "407": (b"HTTP/1.1 407 Authenticate\r\ncontent-length: 0\r\n\r\n", "status 407"),
    "502": (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "status 502"),
    "a redirect": (b"HTTP/1.1 302 Found\r\nlocation: http://x\r\n\r\n", "status 302"),
    "no HTTP": (b"SSH-2.0-x\r\n", "not HTTP"),
    "more than a head": (b"HTTP/1.1 200 OK\r\n\r\nx", "spoke before"),
    "nothing": (b"", "closed"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_proxy_that_refuses_fails_the_call_with_nothing_sent(name: str) -> None:
    answer, said = REFUSALS[name]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with serving(handler) as proxy, calling() as client:
        settings = ProxySettings(https=f"http://127.0.0.1:{proxy.port}")
        origin = origin_of(client, "https://api.provider.example", proxy=settings)
        heard, sending = await heard_from(client, a_call(origin))
        assert origin.pool.open == 0
    assert heard.error is not None
    assert (heard.error.kind, heard.error.nothing_sent) == ("unreachable", True)
    assert said in heard.error.message
    assert not sending.sent


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://127.0.0.1:1", "The proxy did not accept a connection."),
        ("https://127.0.0.1:1", "The proxy did not accept a connection."),
        ("http://proxy.invalid:3128", "The proxy's name could not be resolved."),
    ],
)
@pytest.mark.parametrize("api", ["http://api.provider.example", "https://api.provider.example"])
async def test_a_proxy_that_is_not_there_is_not_mistaken_for_the_provider(
    proxy: str, said: str, api: str
) -> None:
    async with calling() as client:
        settings = ProxySettings(http=proxy, https=proxy)
        heard, _ = await heard_from(client, a_call(origin_of(client, api, proxy=settings)))
    assert heard.error is not None
    assert (heard.error.message, heard.error.nothing_sent) == (said, True)


async def test_a_proxy_whose_name_is_not_resolved_in_time_misses_the_deadline_of_names() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    async with calling(lookup=never) as client:
        settings = ProxySettings(http="http://proxy.example:3128")
        origin = origin_of(client, "http://api.provider.example", proxy=settings)
        heard, _ = await heard_from(client, a_call(origin, timers=Timers(dns_seconds=0.05)))
    assert heard.error is not None
    assert (heard.error.timer, heard.error.nothing_sent) == ("timeout.dns", True)


@pytest.mark.parametrize("agrees", [False, True])
async def test_a_proxy_that_stalls_is_given_up(agrees: bool) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if agrees:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()
        await reader.read()

    async with serving(handler) as proxy, calling() as client:
        settings = ProxySettings(https=f"http://127.0.0.1:{proxy.port}")
        origin = origin_of(client, "https://api.provider.example", proxy=settings)
        quick = Timers(connect_seconds=0.1, tls_seconds=0.1)
        heard, _ = await heard_from(client, a_call(origin, timers=quick))
        assert origin.pool.open == 0
    assert heard.error is not None
    assert heard.error.timer == ("timeout.tls" if agrees else "timeout.connect")


async def test_a_call_that_is_cancelled_lets_go_of_the_proxy() -> None:
    asked = asyncio.Event()
    gone = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        try:
            await reader.read()
        finally:
            gone.set()

    async with serving(handler) as proxy, calling() as client:
        settings = ProxySettings(https=f"http://127.0.0.1:{proxy.port}")
        origin = origin_of(client, "https://api.provider.example", proxy=settings)
        fetching = asyncio.ensure_future(client.fetch(a_call(origin), max_body=9))
        await asked.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await until(gone.is_set)


async def test_a_proxy_is_never_a_way_to_the_machines_credentials() -> None:
    async with calling() as client:
        settings = ProxySettings(https="http://169.254.169.254:80")
        origin = origin_of(client, "https://api.provider.example", proxy=settings)
        heard, _ = await heard_from(client, a_call(origin))
    assert isinstance(heard.error, EgressDenied)
