"""Calls over real sockets: bodies, reuse, waiting, resending, hanging up, holding back."""

import asyncio
import gzip
import socket
import zlib

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.pool import ClientLimits
from tests.upstream.loopback import (
    CHUNKED,
    HELLO,
    OK,
    Heard,
    a_call,
    answering,
    calling,
    heard_from,
    origin_of,
    serving,
    until,
)
from tests.upstream.malformed import MALFORMED

BODIES = {
    "counted": (HELLO, False),
    "chunked": (CHUNKED + b"2\r\nhe\r\n3;note=x\r\nllo\r\n0\r\n\r\n", False),
    "chunked with trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n", False),
    "to the end of the connection": (OK + b"\r\nhello", True),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", True),
    "after interim answers": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + HELLO,
        False,
    ),
    "after eight interim answers": (b"HTTP/1.1 102 Wait\r\n\r\n" * 8 + HELLO, False),
    "without a reason phrase": (b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello", False),
}


@pytest.mark.parametrize("cut_every", [0, 1, 7])
@pytest.mark.parametrize("name", BODIES)
async def test_a_body_arrives_however_it_ends_and_is_cut(name: str, cut_every: int) -> None:
    answer, closes = BODIES[name]
    async with answering(answer, closes=closes, cut_every=cut_every) as server, calling() as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, server.url)))
    assert (heard.status, heard.body, heard.error) == (200, b"hello", None)


@pytest.mark.parametrize(
    ("method", "answer", "status"),
    [
        (b"HEAD", OK + b"content-length: 5\r\n\r\n", 200),
        (b"HEAD", OK + b"transfer-encoding: chunked\r\n\r\n", 200),
        (b"POST", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"POST", b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nxx", 204),
        (b"POST", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304),
        (b"POST", OK + b"content-length: 0\r\n\r\n", 200),
    ],
)
async def test_an_answer_without_a_body_is_over_with_its_head(
    method: bytes, answer: bytes, status: int
) -> None:
    async with answering(answer) as server, calling() as client:
        call = a_call(origin_of(client, server.url), method=method, body=b"")
        heard, _ = await heard_from(client, call)
    assert (heard.status, heard.body, heard.error) == (status, b"", None)


async def test_a_request_arrives_as_it_was_made() -> None:
    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin, body=b'{"a":1}'))
    assert server.requests == [
        b"POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-test: 1\r\ncontent-length: 7\r\n\r\n"
        b'{"a":1}' % server.port
    ]


async def test_a_body_of_eight_mebibytes_is_sent_whole() -> None:
    body = bytes(range(256)) * 32 * 1024
    async with answering(HELLO) as server, calling() as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, server.url), body=body))
    assert heard.body == b"hello"
    assert server.requests[0].endswith(body)


async def test_names_are_lower_case_and_values_as_they_came() -> None:
    answer = OK + b"X-Ratelimit-Left: A b\r\ncontent-length: 0\r\nSet-Cookie: x\r\n\r\n"
    async with answering(answer) as server, calling() as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, server.url)))
    assert heard.fields == [
        (b"x-ratelimit-left", b"A b"),
        (b"content-length", b"0"),
        (b"set-cookie", b"x"),
    ]


REDIRECTED_TO = {
    "an address that is denied": b"http://127.0.0.1:%d/",
    "a file": b"file:///etc/passwd",
    "gopher": b"gopher://127.0.0.1:%d/",
    "another host with credentials": b"http://user:pass@127.0.0.1:%d/",
    "plain text": b"http://localhost:%d/",
}


@pytest.mark.parametrize("target", REDIRECTED_TO)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_handed_on_and_never_followed(status: int, target: str) -> None:
    async with answering(HELLO) as canary:
        location = REDIRECTED_TO[target].replace(b"%d", str(canary.port).encode())
        answer = b"HTTP/1.1 %d Go\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % (status, location)
        async with answering(answer) as server, calling() as client:
            heard, _ = await heard_from(client, a_call(origin_of(client, server.url)))
        assert (heard.status, heard.error) == (status, None)
        assert canary.connections == 0


async def test_s42_a_malformed_answer_ends_the_call_and_its_connection() -> None:
    async with answering(*MALFORMED.values(), HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        for name in MALFORMED:
            heard, sending = await heard_from(client, a_call(origin))
            assert heard.error is not None, name
            assert (heard.error.kind, heard.error.nothing_sent) == ("bad_answer", False), name
            assert not sending.reused, name
        again, sending = await heard_from(client, a_call(origin))
        assert (again.body, sending.reused) == (b"hello", False)
        await until(lambda: origin.pool.open == 1)


PACKED = gzip.compress(b"hello" * 20)
ENCODED = {
    "gzip declared but plain": (b"gzip", b"hello"),
    "gzip truncated": (b"gzip", PACKED[:-4]),
    "gzip with garbage tail": (b"gzip", PACKED + b"xx"),
    "gzip 1,000:1": (b"gzip", gzip.compress(b"\0" * 2_000_000)),
    "unsupported coding": (b"br", b"hello"),
    "gzip twice": (b"gzip, gzip", gzip.compress(PACKED)),
}


@pytest.mark.parametrize("name", ENCODED)
async def test_an_answer_that_cannot_be_decompressed_ends_the_call_and_its_connection(
    name: str,
) -> None:
    coding, body = ENCODED[name]
    head = OK + b"content-encoding: %b\r\ncontent-length: %d\r\n\r\n" % (coding, len(body))
    async with answering(head + body) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard, _ = await heard_from(client, a_call(origin, decompress=True))
        assert heard.error is not None
        assert heard.error.kind == "bad_answer"
        await until(lambda: origin.pool.open == 0)
        untouched, sending = await heard_from(client, a_call(origin))
        assert (untouched.body, sending.decoded) == (body, False)


# Reuse.


async def test_one_connection_carries_call_after_call() -> None:
    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        reused = [(await heard_from(client, a_call(origin)))[1].reused for _ in range(5)]
    assert reused == [False, True, True, True, True]
    assert server.connections == 1


@pytest.mark.parametrize("length", [0, 1, 200_000])
async def test_chunked_and_counted_answers_both_leave_a_connection_that_is_used_again(
    length: int,
) -> None:
    counted = OK + b"content-length: %d\r\n\r\n" % length + b"x" * length
    body = b"%x\r\n%b\r\n" % (length, b"x" * length) if length else b""
    async with (
        answering(counted, CHUNKED + body + b"0\r\n\r\n") as server,
        calling() as client,
    ):
        origin = origin_of(client, server.url)
        for _ in range(4):
            heard, _ = await heard_from(client, a_call(origin))
            assert len(heard.body) == length
    assert server.connections == 1


NOT_REUSED = {
    "surplus bytes": HELLO + b"x",
    "a surplus line end": HELLO + b"\r\n",
    "a second answer": HELLO + HELLO,
    "a surplus line end after chunks": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n\r\n",
    "a second answer after chunks": CHUNKED
    + b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nx: 0\r\n\r\n",
    "connection close": OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello",
    "connection close in a list": OK + b"Connection: te, Close\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("name", NOT_REUSED)
async def test_a_connection_in_doubt_is_not_used_again(name: str) -> None:
    async with answering(NOT_REUSED[name], HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        first, _ = await heard_from(client, a_call(origin))
        second, sending = await heard_from(client, a_call(origin))
    assert (first.body, second.body) == (b"hello", b"hello")
    assert not sending.reused
    assert server.connections == 2


async def test_bytes_that_come_while_nobody_asks_close_the_connection() -> None:
    unasked = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.write(HELLO)
        await unasked.wait()
        writer.write(HELLO)
        await reader.read()

    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin))
        unasked.set()
        await until(lambda: origin.pool.open == 0)
        assert origin.pool.idle == []


async def test_the_connection_used_last_is_used_next() -> None:
    release = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            await release.wait()
            writer.write(HELLO)

    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url)
        both = [Heard(), Heard()]
        for heard in both:
            client.start(a_call(origin), heard)
        await until(lambda: len(server.requests) == 2)
        release.set()
        for heard in both:
            await heard.end()
        last = origin.pool.idle[-1]
        await heard_from(client, a_call(origin))
        assert origin.pool.idle[-1] is last
        assert last.calls == 2


@pytest.mark.parametrize(
    "limits", [ClientLimits(idle_close_seconds=0), ClientLimits(max_age_seconds=0)]
)
async def test_a_connection_that_rested_too_long_or_is_too_old_is_closed(
    limits: ClientLimits,
) -> None:
    async with answering(HELLO) as server, calling(limits) as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin))
        origin.pool.tidy(asyncio.get_running_loop().time() + 1)
        await until(lambda: server.open == 0)
        assert (await heard_from(client, a_call(origin)))[0].body == b"hello"
    assert server.connections == 2


async def test_no_more_connections_rest_than_allowed() -> None:
    async with answering(HELLO) as server, calling(ClientLimits(idle_per_origin=2)) as client:
        origin = origin_of(client, server.url)
        heards = [Heard() for _ in range(6)]
        for heard in heards:
            client.start(a_call(origin), heard)
        for heard in heards:
            await heard.end()
        await until(lambda: server.open == 2)
        assert len(origin.pool.idle) == 2


async def test_connections_are_never_shared_between_purposes() -> None:
    async with answering(HELLO) as server, calling() as client:
        for purpose in ("provider", "webhook", "provider"):
            origin = client.origin(
                server.url,
                purpose=purpose,
                operator=True,
                allow_private=True,
            )
            await heard_from(client, a_call(origin))
    assert server.connections == 2


# Waiting for a connection.


@pytest.mark.parametrize("bound", [1, 2])
async def test_calls_wait_in_order_when_all_connections_are_busy(bound: int) -> None:
    async with answering(HELLO) as server, calling(ClientLimits(per_origin=bound)) as client:
        origin = origin_of(client, server.url)
        heards = [Heard() for _ in range(20)]
        for index, heard in enumerate(heards):
            client.start(a_call(origin, body=b"%d" % index), heard)
        for heard in heards:
            await heard.end()
        assert all(heard.body == b"hello" for heard in heards)
    assert server.connections == bound
    order = [int(request.rpartition(b"\r\n\r\n")[2]) for request in server.requests]
    assert sorted(order) == list(range(20))
    assert order == sorted(order) or bound == 2  # two connections may overtake each other


async def test_a_call_waits_no_longer_than_its_deadline_for_a_connection() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(handler) as server, calling(ClientLimits(per_origin=1)) as client:
        origin = origin_of(client, server.url)
        client.start(a_call(origin), Heard())
        heard, _ = await heard_from(client, a_call(origin, timers=Timers(pool_seconds=0.05)))
        assert heard.error is not None
        assert (heard.error.kind, heard.error.timer) == ("timeout", "timeout.pool")
        assert heard.error.nothing_sent
        assert not origin.pool.waiting


async def test_a_call_that_cannot_even_wait_fails_at_once() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    limits = ClientLimits(per_origin=1, waiting_per_origin=1)
    async with serving(handler) as server, calling(limits) as client:
        origin = origin_of(client, server.url)
        waiting = Heard()
        client.start(a_call(origin), Heard())
        second = client.start(a_call(origin), waiting)
        heard, _ = await heard_from(client, a_call(origin))
        assert heard.error is not None
        assert heard.error.timer == "timeout.pool"
        second.cancel()
        assert not origin.pool.waiting
        assert waiting.ends == 0


async def test_a_waiting_call_gets_a_new_connection_when_the_busy_one_breaks() -> None:
    broken = [True]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        if broken.pop() if broken else False:
            return
        writer.write(HELLO)
        await reader.read()

    async with serving(handler) as server, calling(ClientLimits(per_origin=1)) as client:
        origin = origin_of(client, server.url)
        first, second = Heard(), Heard()
        client.start(a_call(origin), first)
        client.start(a_call(origin), second)
        await first.end()
        await second.end()
    assert first.error is not None
    assert first.error.kind == "interrupted"
    assert second.body == b"hello"


# Stale connections.


async def stale_origin_call(resend: bool, answers_before: bytes) -> tuple[Heard, int]:
    """A second call on a kept connection that the server closes as soon as it speaks."""
    served = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        mine = served
        await server.read_request(reader)
        writer.write(HELLO)
        await server.read_request(reader)
        if mine == 1:
            writer.write(answers_before)
            return
        writer.write(HELLO)

    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin))
        heard, sending = await heard_from(client, a_call(origin, resend=resend))
        assert sending.resent == (resend and not answers_before)
    return heard, len(server.requests)


async def test_a_kept_connection_that_was_stale_costs_one_free_resend() -> None:
    heard, requests = await stale_origin_call(resend=True, answers_before=b"")
    assert (heard.body, heard.error, requests) == (b"hello", None, 3)


@pytest.mark.parametrize(("resend", "before"), [(False, b""), (True, b"H"), (True, OK)])
async def test_nothing_is_sent_twice_unasked_or_after_the_first_byte_of_an_answer(
    resend: bool, before: bytes
) -> None:
    heard, requests = await stale_origin_call(resend=resend, answers_before=before)
    assert heard.error is not None
    assert (heard.error.kind, heard.error.nothing_sent, requests) == ("interrupted", False, 2)


async def test_a_call_is_resent_only_once_and_never_from_a_new_connection() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)

    async with serving(handler) as server, calling() as client:
        heard, _ = await heard_from(client, a_call(origin_of(client, server.url), resend=True))
    assert heard.error is not None
    assert heard.error.kind == "interrupted"
    assert len(server.requests) == 1


async def test_a_connection_closed_at_rest_is_not_used() -> None:
    async with answering(HELLO, closes=True) as server, calling() as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin))
        await until(lambda: origin.pool.open == 0)
        heard, sending = await heard_from(client, a_call(origin))
    assert heard.body == b"hello"
    assert not sending.reused


# Hanging up.


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
        async with asyncio.timeout(1):
            await closed.wait()
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


# Holding back.


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

    class Pauses(Heard):
        def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
            super().head(status, fields)
            sending.pause()

    async with serving(handler) as server, calling() as client:
        heard = Pauses()
        timers = Timers(idle_seconds=0.3)
        sending = client.start(a_call(origin_of(client, server.url), timers=timers), heard)
        await heard.until(lambda: heard.status == 200)
        await asyncio.sleep(0.7)  # longer than timeout.idle, which does not run while we pause
        assert len(heard.body) <= 65536
        assert written < size - 8 * 1024 * 1024
        sending.resume()
        await heard.end()
        assert heard.error is None
        assert len(heard.body) == size
        assert max(map(len, heard.pieces)) <= 65536


async def test_a_paused_call_holds_its_rest_back_compressed() -> None:
    plain = b"".join(b"%d " % number for number in range(400_000))
    packed = gzip.compress(plain)

    class PausesOften(Heard):
        def data(self, piece: bytes) -> None:
            super().data(piece)
            sending.pause()

    async with (
        answering(
            OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed
        ) as server,
        calling() as client,
    ):
        origin = origin_of(client, server.url)
        heard = PausesOften()
        sending = client.start(a_call(origin, decompress=True), heard)
        while not heard.ends:
            before = len(heard.pieces)
            await heard.until(lambda: bool(heard.ends) or len(heard.pieces) > before)  # noqa: B023
            await asyncio.sleep(0.001)
            assert len(heard.pieces) <= before + 1
            sending.resume()
        assert heard.error is None
        assert sending.decoded
        assert heard.body == plain
        assert (await heard_from(client, a_call(origin)))[1].reused


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


# The whole answer at once.


async def test_fetch_gives_the_whole_answer() -> None:
    async with answering(HELLO) as server, calling() as client:
        fetched = await client.fetch(a_call(origin_of(client, server.url)), max_body=5)
    assert (fetched.status, fetched.body, fetched.decoded) == (200, b"hello", False)
    assert fetched.fields == [(b"content-length", b"5")]


async def test_fetch_refuses_more_than_was_asked_for() -> None:
    async with answering(HELLO) as server, calling() as client:
        with pytest.raises(UpstreamError, match="too large"):
            await client.fetch(a_call(origin_of(client, server.url)), max_body=4)


async def test_fetch_that_is_cancelled_hangs_up() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(handler) as server, calling() as client:
        fetching = asyncio.ensure_future(
            client.fetch(a_call(origin_of(client, server.url)), max_body=5)
        )
        await until(lambda: server.open == 1)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await until(lambda: server.open == 0)
