"""What the maker of a call may do to it: hang up, hold back, go on, bound its size."""

import asyncio
import gzip
import socket
import zlib

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.client import Client
from stockyard.upstream.connection import INFLATED_BYTES, READ_BYTES
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.outgoing import Outgoing, Timers, request_head
from stockyard.upstream.pool import ClientLimits
from stockyard.upstream.proxy import ProxySettings
from tests.upstream.loopback import (
    CHUNKED,
    HELLO,
    OK,
    Heard,
    Pausing,
    a_call,
    answering,
    calling,
    heard_from,
    origin_of,
    serving,
    until,
)


@pytest.mark.parametrize("answer", [b"", OK, CHUNKED, CHUNKED + b"2\r\nhe\r\n"])
async def test_s39_hanging_up_closes_the_connection_and_nothing_more_is_heard(
    answer: bytes,
) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(answer)
        try:
            await reader.read()
        finally:
            closed.set()

    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard = Heard()
        sending = client.start(a_call(origin), heard)
        await until(lambda: bool(server.requests))
        sending.cancel()
        await until(closed.is_set)
        await until(lambda: origin.pool.open == 0)
        assert heard.ends == 0
        sending.cancel()
        sending.pause()
        sending.resume()


async def test_hanging_up_while_connecting_opens_nothing_for_nobody() -> None:
    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard = Heard()
        client.start(a_call(origin), heard).cancel()
        await until(lambda: origin.pool.open == 0)
        assert heard.ends == 0
        assert (await heard_from(client, a_call(origin)))[0].body == b"hello"


async def test_a_receiver_may_hang_up_from_inside_a_callback() -> None:
    class HangsUp(Heard):
        def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
            super().head(status, fields)
            sending.cancel()

    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard = HangsUp()
        sending = client.start(a_call(origin), heard)
        await heard.until(lambda: heard.status == 200)
        await until(lambda: origin.pool.open == 0)
    assert (heard.pieces, heard.ends) == ([], 0)


async def test_a_client_that_closes_tells_every_call() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(handler) as server:
        async with calling(ClientLimits(per_origin=1)) as client:
            origin = origin_of(client, server.url)
            heards = [Heard(), Heard()]
            for heard in heards:
                client.start(a_call(origin), heard)
            await until(lambda: server.open == 1)
        for heard in heards:
            assert heard.error is not None
            assert heard.error.kind == "interrupted"
        await until(lambda: server.open == 0)


@pytest.mark.parametrize("turns", range(16))
async def test_a_client_that_closes_while_it_connects_keeps_no_connection(turns: int) -> None:
    async with answering(HELLO) as server:
        async with calling() as client:
            origin = origin_of(client, server.url)
            client.start(a_call(origin), Heard())
            for _ in range(turns):  # each of which may be the one that connects
                await asyncio.sleep(0)
        assert (origin.pool.open, origin.pool.idle) == (0, [])


async def test_a_client_that_is_closed_sends_nothing_more() -> None:
    async with answering(HELLO) as server:
        async with calling() as client:
            origin = origin_of(client, server.url)
        heard, sending = await heard_from(client, a_call(origin))
        with pytest.raises(UpstreamError) as error:
            await client.connect(asyncio.Protocol(), origin, Timers())
    assert heard.error is not None
    assert heard.error.kind == "interrupted"
    assert error.value.kind == "interrupted"
    assert not sending.sent
    assert server.connections == 0


def test_no_secret_is_in_the_text_of_a_call() -> None:
    proxy = ProxySettings(https="http://me:secret@proxy.example:3128")
    client = Client(Guard(GuardSettings()))
    origin = origin_of(client, "https://api.example", proxy=proxy)
    head = request_head(b"GET", b"/", origin.host, [(b"authorization", b"Bearer secret")], None)
    text = f"{Outgoing(origin=origin, head=head)!r} {proxy!r} {origin.proxy!r}"
    assert "secret" not in text
    assert "Bearer" not in text


async def test_s40_a_paused_call_is_not_read_and_goes_on_when_resumed() -> None:
    size = 32 * 1024 * 1024
    written = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await server.read_request(reader)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        writer.write(OK + b"content-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536
        await reader.read()

    async with serving(handler) as server, calling() as client:
        heard = Pausing()
        timers = Timers(idle_seconds=0.3)
        outgoing = a_call(origin_of(client, server.url), timers=timers)
        heard.sending = sending = client.start(outgoing, heard)
        await heard.until(lambda: heard.status == 200)
        await asyncio.sleep(0.7)  # longer than timeout.idle, which does not run while we pause
        assert len(heard.body) <= 65536
        assert written < size - 8 * 1024 * 1024
        sending.resume()
        await heard.end()
        assert heard.error is None
        assert len(heard.body) == size
        assert max(map(len, heard.pieces)) <= 65536


@pytest.mark.parametrize("ends_with_connection", [False, True])
async def test_a_paused_call_holds_its_rest_back_compressed(ends_with_connection: bool) -> None:
    plain = b"".join(b"%d " % number for number in range(400_000))
    packed = gzip.compress(plain)
    framing = b"" if ends_with_connection else b"content-length: %d\r\n" % len(packed)
    answer = OK + b"content-encoding: gzip\r\n" + framing + b"\r\n" + packed

    class PausesOften(Heard):
        def data(self, piece: bytes) -> None:
            super().data(piece)
            sending.pause()

    async with answering(answer, closes=ends_with_connection) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard = PausesOften()
        sending = client.start(a_call(origin, decompress=True), heard)
        while not heard.ends:
            before = len(heard.pieces)
            await heard.until(lambda: bool(heard.ends) or len(heard.pieces) > before)  # noqa: B023  called before the next turn
            await asyncio.sleep(0.001)
            assert len(heard.pieces) <= before + 1
            sending.resume()
        assert heard.error is None
        assert sending.decoded
        assert heard.body == plain
        assert (await heard_from(client, a_call(origin)))[1].reused is not ends_with_connection


async def test_other_calls_have_their_turn_while_a_small_read_becomes_many_bytes() -> None:
    plain = b"".join(b"%d " % (number // 20) for number in range(800_000))
    packed = gzip.compress(plain)
    assert len(packed) * 20 < len(plain)
    answer = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed
    in_this_turn = 0

    class Counting(Heard):
        def data(self, piece: bytes) -> None:
            nonlocal in_this_turn
            super().data(piece)
            if not in_this_turn:
                asyncio.get_running_loop().call_soon(next_turn)
            in_this_turn += len(piece)
            assert in_this_turn <= INFLATED_BYTES + READ_BYTES

    def next_turn() -> None:
        nonlocal in_this_turn
        in_this_turn = 0

    async with answering(answer) as server, calling() as client:
        heard = Counting()
        client.start(a_call(origin_of(client, server.url), decompress=True), heard)
        await heard.end()
        assert (heard.error, heard.body == plain) == (None, True)


async def test_s11_an_event_that_was_flushed_arrives_before_the_next_is_sent() -> None:
    go_on = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(OK + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n")
        packer = zlib.compressobj(wbits=31)
        for event in (b"data: one\n\n", b"data: two\n\n"):
            piece = packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await go_on.wait()
        piece = packer.flush()
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(piece), piece))
        await reader.read()

    async with serving(handler) as server, calling() as client:
        heard = Heard()
        client.start(a_call(origin_of(client, server.url), decompress=True), heard)
        await heard.until(lambda: heard.body == b"data: one\n\n")
        go_on.set()
        await heard.end()
    assert (heard.body, heard.error) == (b"data: one\n\ndata: two\n\n", None)


async def test_an_answer_larger_than_its_limit_is_refused() -> None:
    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard, _ = await heard_from(client, a_call(origin, body_limit=4))
        assert heard.error is not None
        assert heard.error.kind == "bad_answer"
        assert (await heard_from(client, a_call(origin, body_limit=5)))[0].error is None
