"""Calls over real sockets: what is sent, and every form of answer, right and wrong."""

import asyncio
import gzip

import pytest

from stockyard.errors import UpstreamError
from tests.upstream.loopback import (
    CHUNKED,
    HELLO,
    OK,
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


async def test_an_answer_that_comes_before_the_request_is_written_is_heard() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        await go_on.wait()

    go_on = asyncio.Event()
    async with serving(handler) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard, _ = await heard_from(client, a_call(origin, body=b"x" * 32 * 1024 * 1024))
        assert (heard.status, heard.error) == (413, None)
        await until(lambda: origin.pool.open == 0)
        go_on.set()


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
