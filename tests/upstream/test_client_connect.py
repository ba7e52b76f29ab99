"""Names and addresses: which is tried, in which order, for how long, and how often DNS is asked."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.race import interleave, race
from stockyard.upstream.resolve import Resolver
from stockyard.upstream.url import Address
from tests.upstream.loopback import HELLO, OK, a_call, answering, calling, heard_from, origin_of


def addresses(*texts: str) -> list[Address]:
    return [ip_address(text) for text in texts]


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        (["1.1.1.1"], ["1.1.1.1"]),
        (["::2", "::3", "1.1.1.1"], ["::2", "1.1.1.1", "::3"]),
        (["1.1.1.1", "1.1.1.2", "::2", "::3", "::4"], ["1.1.1.1", "::2", "1.1.1.2", "::3", "::4"]),
    ],
)
def test_families_take_turns(given: list[str], tried: list[str]) -> None:
    assert interleave(addresses(*given)) == addresses(*tried)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with answering(HELLO) as server:
        connected = await race(addresses("127.0.0.2", "::1", "127.0.0.1"), server.port, 5)
        with connected:
            assert connected.getpeername() == ("127.0.0.1", server.port)
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.fixture
def full() -> socket.socket:
    """A listener whose queue is full, so that a connection to it neither opens nor fails."""
    listener = socket.socket()
    listener.bind(("127.0.0.2", 0))
    listener.listen(0)
    return listener


async def test_an_address_that_hangs_does_not_hold_up_the_next(full: socket.socket) -> None:
    port = full.getsockname()[1]
    with full, stuffed(port), socket.create_server(("127.0.0.1", port)):
        connected = await race(addresses("127.0.0.2", "127.0.0.1"), port, 5)
        with connected:
            assert connected.getpeername()[0] == "127.0.0.1"


async def test_an_address_that_hangs_has_its_deadline(full: socket.socket) -> None:
    port = full.getsockname()[1]
    with full, stuffed(port), pytest.raises(UpstreamError) as late:
        await race(addresses("127.0.0.2"), port, 0.05)
    assert (late.value.kind, late.value.timer) == ("timeout", "timeout.connect")
    assert late.value.nothing_sent


class stuffed:  # noqa: N801 - reads as a word in a with statement
    """Fill the queue of a listener on 127.0.0.2."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> None:
        for _ in range(4):
            filling = socket.socket()
            filling.setblocking(False)
            filling.connect_ex(("127.0.0.2", self._port))
            self._sockets.append(filling)

    def __exit__(self, *_: object) -> None:
        for filling in self._sockets:
            filling.close()


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    async with calling() as client:
        origin = origin_of(client, f"http://127.0.0.1:{closed_port()}")
        heard, sending = await heard_from(client, a_call(origin))
        assert origin.pool.open == 0
    assert heard.error is not None
    assert (heard.error.kind, heard.error.nothing_sent) == ("unreachable", True)
    assert "127" not in heard.error.message
    assert not sending.sent


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_a_name_with_both_families_is_reached_over_the_one_that_answers() -> None:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return ["::1", "127.0.0.1"]

    async with answering(HELLO) as server, calling(lookup=lookup) as client:
        origin = origin_of(client, f"http://models.example:{server.port}")
        heard, _ = await heard_from(client, a_call(origin))
    assert heard.body == b"hello"


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_an_ipv6_literal_is_called() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(HELLO)
        await writer.drain()
        writer.close()

    requests: list[bytes] = []
    server = await asyncio.start_server(handler, "::1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, calling() as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, f"http://[::1]:{port}")))
    assert heard.body == b"hello"
    assert b"host: [::1]:%d\r\n" % port in requests[0]


async def test_a_name_is_asked_for_once_a_minute() -> None:
    asked: list[str] = []

    async def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    answer = OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello"
    async with answering(answer, closes=True) as server, calling(lookup=lookup) as client:
        origin = origin_of(client, f"http://models.example:{server.port}")
        for _ in range(3):
            heard, _ = await heard_from(client, a_call(origin))
            assert heard.body == b"hello"
    assert asked == ["models.example"]


async def test_a_name_whose_addresses_all_fail_is_asked_for_again() -> None:
    asked: list[str] = []

    async def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    async with answering(HELLO) as server, calling(lookup=lookup) as client:
        origin = origin_of(client, f"http://models.example:{server.port}")
        first, _ = await heard_from(client, a_call(origin))
        second, _ = await heard_from(client, a_call(origin))
    assert first.error is not None
    assert second.body == b"hello"


@pytest.mark.parametrize(
    "failure",
    [socket.gaierror(-2, "Name or service not known"), OSError("no network"), ValueError("label")],
)
async def test_a_name_that_does_not_resolve_is_unreachable(failure: Exception) -> None:
    async def lookup(host: str, port: int) -> Sequence[str]:
        raise failure

    async with calling(lookup=lookup) as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, "https://gone.example")))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.nothing_sent) == ("unreachable", True)
    assert "gone.example" not in heard.error.message


async def test_many_calls_ask_for_a_name_together() -> None:
    asked = 0
    answer = asyncio.Event()

    async def lookup(host: str, port: int) -> Sequence[str]:
        nonlocal asked
        asked += 1
        await answer.wait()
        return ["127.0.0.1"]

    resolver = Resolver(lookup)
    waiting = [asyncio.ensure_future(resolver.addresses("a.example", 443, 5)) for _ in range(9)]
    await asyncio.sleep(0)
    with pytest.raises(UpstreamError, match=r"timeout\.dns"):
        await resolver.addresses("a.example", 443, 0.01)
    answer.set()
    assert set(await asyncio.gather(*waiting)) == {(ip_address("127.0.0.1"),)}
    assert asked == 1


async def test_a_fault_of_ours_while_connecting_is_reported_and_fails_the_call() -> None:
    reported: list[object] = []

    async def lookup(host: str, port: int) -> Sequence[str]:
        raise ZeroDivisionError

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
    async with calling(lookup=lookup) as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, "https://a.example")))
    assert heard.error is not None
    assert heard.error.kind == "unreachable"
    assert [type(fault) for fault in reported] == [ZeroDivisionError]


async def test_the_system_resolves_localhost() -> None:
    found = await Resolver().addresses("localhost", 80, 5)
    assert any(address.is_loopback for address in found)


async def test_a_connection_that_opens_slowly_counts_its_time() -> None:
    async def lookup(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(0.02)
        return ["127.0.0.1"]

    async with answering(HELLO) as server, calling(lookup=lookup) as client:
        origin = origin_of(client, f"http://models.example:{server.port}")
        _, sending = await heard_from(client, a_call(origin, timers=Timers()))
        assert sending.connect_us >= 15_000
