"""Connections that are kept: which are used again, who waits for one, and stale ones."""

import asyncio
import gzip
from time import monotonic

import pytest

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


async def test_a_connection_rests_from_its_last_call_on() -> None:
    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin))
        (connection,) = origin.pool.idle
        connection.opened_at -= 100
        connection.idle_since -= 100
        await heard_from(client, a_call(origin))
        origin.pool.tidy(monotonic())
        assert origin.pool.idle == [connection]


@pytest.mark.parametrize("tidied", [True, False])
async def test_a_connection_grows_too_old_however_often_it_is_used(tidied: bool) -> None:
    limits = ClientLimits()
    async with answering(HELLO) as server, calling(limits) as client:
        origin = origin_of(client, server.url)
        await heard_from(client, a_call(origin))
        (connection,) = origin.pool.idle
        connection.opened_at -= limits.max_age_seconds
        if tidied:
            origin.pool.tidy(connection.idle_since)
            assert origin.pool.idle == []
        _, sending = await heard_from(client, a_call(origin))
        assert not sending.reused
        await until(lambda: server.open == 1)


async def test_a_connection_that_brought_a_compressed_answer_brings_a_plain_one_next() -> None:
    packed = gzip.compress(b"hello")
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    async with answering(head + packed, HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        for _ in range(2):
            heard, _ = await heard_from(client, a_call(origin, decompress=True))
            assert (heard.body, heard.error) == (b"hello", None)
    assert server.connections == 1


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


async def test_origins_that_users_name_are_forgotten_before_those_of_the_operator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stockyard.upstream.client.MAX_ORIGINS", 3)
    async with calling() as client:
        ours = origin_of(client, "https://api.provider.example")
        for number in range(9):
            url = f"https://pictures{number}.example"
            theirs = client.origin(url, purpose="image", operator=False)
        assert origin_of(client, "https://api.provider.example") is ours
        assert client.origin(url, purpose="image", operator=False) is theirs
        assert len(client._origins) == 3


async def test_no_origin_is_forgotten_while_it_has_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stockyard.upstream.client.MAX_ORIGINS", 1)
    async with answering(HELLO) as server, calling() as client:
        first = origin_of(client, server.url)
        await heard_from(client, a_call(first))
        origin_of(client, "https://api.provider.example")
        assert origin_of(client, server.url) is first
    assert first.pool.open == 0


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
        assert (heard.error.timer, heard.error.nothing_sent) == ("timeout.pool", True)
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
