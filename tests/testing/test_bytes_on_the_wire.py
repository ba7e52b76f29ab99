"""The bytes of an answer can be cut, compressed, delayed and framed in any way."""

import asyncio
import gzip
import zlib
from contextlib import AsyncExitStack

import pytest

from stockyard.testing import (
    Cuts,
    RawClient,
    ScriptedProvider,
    a_call,
    cut_at,
    cut_every,
    cut_randomly,
)
from tests.testing.telling import Telling

GZIP = {"accept-encoding": "gzip, br"}
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
STREAM = b': c\n\ndata: {"a":"\xe2\x82\xac"}\r\n\r\ndata: x\r\rdata: [DONE]\n\n'


@pytest.mark.parametrize(
    ("cuts", "pieces"),
    [
        (None, 4),
        (cut_every(1), len(STREAM)),
        (cut_at(3, -2), 3),
        (cut_at(0, len(STREAM), 5, 5), 2),
        (cut_randomly(7, pieces=9), None),
    ],
    ids=["events", "bytes", "given", "odd offsets", "random"],
)
async def test_raw_streams_are_cut_as_asked_and_lose_nothing(
    provider: ScriptedProvider, client: RawClient, cuts: Cuts | None, pieces: int | None
) -> None:
    provider.plays(STREAM, cuts=cuts)
    client.ask(CHAT, a_call(stream=True))
    await client.until(b"0\r\n\r\n")
    assert client.reply.body == STREAM
    assert pieces is None or len(client.reply.pieces) == pieces


async def test_each_piece_is_a_read_of_its_own(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.plays(b"data: x\n\n" * 20, delays=0.002)
    client.ask(CHAT, a_call(stream=True))
    await client.until(b"0\r\n\r\n")
    assert len(client.reads) >= 15


async def test_a_slow_drip_sends_every_byte_alone(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.sends(200, {}, b"drop").drips(1, every=0.0)
    client.ask(CHAT, a_call())
    await client.until(b"drop")
    assert len(client.reads) > 10


async def test_compression_flushes_every_event(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.streams("first", "second").gzips().stalls_after("first_content")
    client.ask(CHAT, a_call(stream=True), headers=GZIP)
    await client.until_quiet()
    assert client.reply.header("content-encoding") == "gzip"
    seen = zlib.decompressobj(wbits=31).decompress(client.reply.body)
    assert b"first" in seen
    assert b"second" not in seen
    provider.goes_on()
    await client.until(b"0\r\n\r\n")
    assert b"second" in gzip.decompress(client.reply.body)


async def test_compression_needs_to_be_accepted_unless_forced(
    provider: ScriptedProvider, client: RawClient
) -> None:
    bare = b"POST /v1/messages HTTP/1.1\r\nhost: p\r\n\r\n"
    provider.says("plain").says("packed").gzips().says("forced").gzips("always")
    for expected in (b"plain", b"packed", b"content-encoding: gzip"):
        client.send(bare)
        await client.until(expected)


async def test_interim_answers_come_first(provider: ScriptedProvider, client: RawClient) -> None:
    provider.says("hello").interims(100, 103)
    client.ask(CHAT, a_call())
    wire = await client.until(b"hello")
    assert wire.index(b"100 Continue") < wire.index(b"103 Early Hints") < wire.index(b"200 OK")


@pytest.mark.parametrize(
    ("told", "present", "absent"),
    [
        (lambda s: s.framed("chunked"), b"5\r\nhello\r\n0\r\n\r\n", b"content-length"),
        (lambda s: s.framed("close"), b"connection: close", b"content-length"),
        (lambda s: s.with_headers({"content-length": "99"}), b"content-length: 99", b"5\r\nhello"),
        (lambda s: s.with_headers({"Content-Type": "text/html"}), b"text/html", b"text/plain"),
        (lambda s: s.with_headers({"content-type": None}), b"hello", b"text/plain"),
    ],
)
async def test_heads_and_framing_can_lie(
    provider: ScriptedProvider, client: RawClient, told: Telling, present: bytes, absent: bytes
) -> None:
    told(provider.sends(200, {"content-type": "text/plain"}, b"hello").closes())
    client.ask(CHAT, a_call())
    wire = await client.to_the_end()
    assert present in wire
    assert absent not in wire


async def test_the_very_bytes_of_an_answer_can_be_given(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.sends_exactly(b"HTTP/1.1 200\nnonsense").closes()
    client.ask(CHAT, a_call())
    assert await client.to_the_end() == b"HTTP/1.1 200\nnonsense"


async def test_nothing_is_left_of_a_provider_that_was_busy() -> None:
    tasks = asyncio.all_tasks()
    async with AsyncExitStack() as clients:
        async with ScriptedProvider() as provider:
            provider.says("hi").stalls_after("head").says("x").repeats(b":\n\n", after=0)
            for _ in range(5):
                client = await clients.enter_async_context(RawClient.to(provider.url))
                client.ask(CHAT, a_call(stream=True))
            assert await provider.called(5)
        assert asyncio.all_tasks() == tasks
        assert provider.open_connections == 0
