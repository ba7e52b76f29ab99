"""The twelve points at which a provider can fall silent, and the deadline that ends each."""

import asyncio
from collections.abc import Sequence

import pytest

from stockyard.upstream.outgoing import Timers
from tests.upstream.loopback import (
    CHUNKED,
    HELLO,
    OK,
    Heard,
    a_call,
    calling,
    heard_from,
    origin_of,
    serving,
    until,
)

SOON = 0.05
QUICK = Timers(
    dns_seconds=SOON,
    connect_seconds=SOON,
    tls_seconds=SOON,
    pool_seconds=SOON,
    write_seconds=SOON,
    first_byte_seconds=SOON,
    idle_seconds=SOON,
)
EVENT = b'data: {"text": "h\xc3\xa4"}\n\n'
CHUNK = b"%x\r\n%b\r\n" % (len(EVENT), EVENT)


@pytest.fixture(autouse=True)
def _sweep_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockyard.upstream.client.SWEEP_SECONDS", 0.02)


# The numbers are those of reliability.md, Appendix A.
STALLS = {
    "3 before the status line": (b"", "timeout.first_byte"),
    "4 inside a header": (OK + b"content-le", "timeout.first_byte"),
    "4 after an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", "timeout.first_byte"),
    "5 after the head": (CHUNKED, "timeout.idle"),
    "6 inside a chunk size line": (CHUNKED + CHUNK + b"1", "timeout.idle"),
    "7 inside chunk data": (CHUNKED + CHUNK[:5], "timeout.idle"),
    "8 inside a character": (CHUNKED + CHUNK[: CHUNK.index(b"\xc3") + 1], "timeout.idle"),
    "9 inside an event": (CHUNKED + CHUNK[:12], "timeout.idle"),
    "10 between events": (CHUNKED + CHUNK, "timeout.idle"),
    "12 without an end": (CHUNKED + b"e\r\ndata: [DONE]\n\n\r\n", "timeout.idle"),
    "in a counted body": (OK + b"content-length: 9\r\n\r\nhello", "timeout.idle"),
    "in a body without a length": (OK + b"\r\nhello", "timeout.idle"),
}


@pytest.mark.parametrize("name", STALLS)
async def test_a_provider_that_falls_silent_is_given_up(name: str) -> None:
    answer, timer = STALLS[name]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(answer)
        await reader.read()

    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard, _ = await heard_from(client, a_call(origin, timers=QUICK))
        assert heard.error is not None
        assert (heard.error.kind, heard.error.timer) == ("timeout", timer)
        assert timer in heard.error.message
        assert not heard.error.nothing_sent
        await until(lambda: server.open == 0)
        assert origin.pool.open == 0


@pytest.mark.parametrize("where", ["1 no TLS answer", "2 half a TLS record"])
async def test_a_tls_handshake_that_stalls_is_given_up(where: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x16\x03\x03" if where.startswith("2") else b"")
        await reader.read()

    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url.replace("http:", "https:"))
        heard, _ = await heard_from(client, a_call(origin, timers=QUICK))
        assert heard.error is not None
        assert (heard.error.timer, heard.error.nothing_sent) == ("timeout.tls", True)
        assert origin.pool.open == 0


async def test_11_comments_for_ever_end_with_the_total_deadline() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(CHUNKED)
        while True:
            writer.write(b"8\r\n: ping\n\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(handler) as server, calling() as client:
        timers = Timers(total_seconds=0.3, idle_seconds=0.2)
        heard, _ = await heard_from(client, a_call(origin_of(client, server.url), timers=timers))
    assert heard.error is not None
    assert heard.error.timer == "timeout.total"
    assert heard.pieces


async def test_a_provider_that_takes_no_more_of_the_request_is_given_up() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serving(handler) as server, calling() as client:
        timers = Timers(write_seconds=0.1, first_byte_seconds=0.01)
        call = a_call(origin_of(client, server.url), body=b"x" * 32 * 1024 * 1024, timers=timers)
        heard = Heard()
        client.start(call, heard)
        await heard.end()
        server.cut_all()
        assert heard.error is not None
        assert (heard.error.timer, heard.error.nothing_sent) == ("timeout.write", False)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # the handler that sleeps


async def test_a_name_that_is_not_resolved_in_time_fails_the_call() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    async with calling(lookup=never) as client:
        origin = origin_of(client, "https://slow.example")
        heard, _ = await heard_from(client, a_call(origin, timers=QUICK))
    assert heard.error is not None
    assert (heard.error.kind, heard.error.timer) == ("timeout", "timeout.dns")
    assert heard.error.nothing_sent


async def test_steady_bytes_keep_a_slow_answer_alive() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        for byte in HELLO:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.01)
        await reader.read()

    async with serving(handler) as server, calling() as client:
        timers = Timers(idle_seconds=0.4)
        heard, _ = await heard_from(client, a_call(origin_of(client, server.url), timers=timers))
    assert (heard.body, heard.error) == (b"hello", None)


async def test_nothing_ticks_when_nothing_is_under_way() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(OK + b"connection: close\r\ncontent-length: 0\r\n\r\n")

    async with serving(handler) as server, calling() as client:
        await heard_from(client, a_call(origin_of(client, server.url)))
        assert client._sweeper._handle is not None
        await until(lambda: client._sweeper._handle is None)


async def test_an_answer_cut_off_is_interrupted_and_its_connection_gone() -> None:
    for answer in (OK + b"content-length: 9\r\n\r\nhello", CHUNKED + CHUNK, OK[:9], b""):

        async def handler(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes = answer
        ) -> None:
            await server.read_request(reader)
            writer.write(answer)

        async with serving(handler) as server, calling() as client:
            origin = origin_of(client, server.url)
            heard, _ = await heard_from(client, a_call(origin))
            assert heard.error is not None
            assert heard.error.kind == "interrupted"
            assert origin.pool.open == 0


async def test_a_reset_in_a_body_without_a_length_is_no_end() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(OK + b"\r\nhello")
        await arrived.wait()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of zero: close with a reset
        writer.transport.abort()

    arrived = asyncio.Event()
    async with serving(handler) as server, calling() as client:
        heard = Heard()
        client.start(a_call(origin_of(client, server.url)), heard)
        await heard.until(lambda: heard.body == b"hello")
        arrived.set()
        await heard.end()
    assert heard.error is not None
    assert heard.error.kind == "interrupted"


def test_the_stall_points_are_all_there() -> None:
    numbered = {name.split()[0] for name in STALLS} | {"1", "2", "11"}
    assert {str(number) for number in range(1, 13)} <= numbered
