"""An answer can stall or break off at any point."""

import re

import pytest

from stockyard.testing import Point, RawClient, ScriptedProvider, a_call
from stockyard.testing.steps import Farewell
from tests.testing.telling import events

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


# How the wire ends when a stream of "café" is halted there.
HALTS: dict[Point, bytes] = {
    "nothing": rb"^$",
    "half_status_line": rb"^HTTP/1$",
    "half_header": rb"^HTTP/1\.1 200 OK\r\ncont$",
    "head": rb"chunked\r\n\r\n$",
    0: rb"chunked\r\n\r\n$",
    "open": rb'"content":"".*\n\n\r\n$',
    1: rb'"content":"".*\n\n\r\n$',
    "half_chunk_size": rb"\n\n\r\n[0-9a-f]$",
    "half_chunk_data": rb"\n\n\r\n[0-9a-f]+\r\ndata: [^\n]+$",
    "half_event": rb"\n\n\r\n[0-9a-f]+\r\ndata: [^\n]+\r\n$",
    "half_character": rb"caf\xc3\r\n$",
    "first_content": rb'caf\xc3\xa9".*\n\n\r\n$',
    "content": rb'caf\xc3\xa9".*\n\n\r\n$',
    2: rb'caf\xc3\xa9".*\n\n\r\n$',
    "finish": rb'"finish_reason":"stop".*\n\n\r\n$',
    "end": rb"\[DONE\]\n\n\r\n$",
    99: rb"\[DONE\]\n\n\r\n$",
}


@pytest.mark.parametrize("point", HALTS)
async def test_a_stall_is_exactly_where_it_was_placed_and_ends_when_told(
    provider: ScriptedProvider, client: RawClient, point: Point
) -> None:
    provider.streams("café").stalls_after(point)
    client.ask(CHAT, a_call(stream=True))
    assert await provider.called()
    assert re.search(HALTS[point], await client.until_quiet())
    provider.goes_on()
    await client.until(b"0\r\n\r\n")
    assert client.reply.complete
    assert [e["choices"][0]["delta"].get("content") for e in events(client.reply.body)][1] == "café"


@pytest.mark.parametrize("point", HALTS)
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_cut_is_where_a_stall_would_be(
    provider: ScriptedProvider, client: RawClient, point: Point, how: Farewell
) -> None:
    provider.streams("café").cuts_after(point, how=how)
    client.ask(CHAT, a_call(stream=True))
    assert re.search(HALTS[point], await client.to_the_end())
    assert client.reset == (how == "rst")
    assert provider.last.closed_at is None


@pytest.mark.parametrize("count", [0, 1, 100, 300, -1, -30])
async def test_a_stream_can_be_cut_after_any_byte(
    provider: ScriptedProvider, client: RawClient, count: int
) -> None:
    stream = b"data: {}\n\n" * 50
    provider.plays(stream).cuts_after_bytes(count)
    client.ask(CHAT, a_call(stream=True))
    await client.to_the_end()
    assert client.reply.body == stream[:count] if count else client.reply.body == b""


async def test_a_whole_answer_can_be_cut_too(provider: ScriptedProvider, client: RawClient) -> None:
    provider.says("hello").cuts_after_bytes(20)
    client.ask(CHAT, a_call())
    await client.to_the_end()
    assert len(client.reply.body) == 20


async def test_a_stall_does_not_outlast_patience() -> None:
    async with ScriptedProvider(patience=0.05) as provider:
        provider.says("hi").stalls_after("head")
        async with RawClient.to(provider.url) as client:
            client.ask(CHAT, a_call())
            await client.to_the_end()
            assert client.reset


async def test_a_connection_may_be_accepted_and_never_read(provider: ScriptedProvider) -> None:
    provider.says_nothing().says("hello")
    async with RawClient.to(provider.url) as first, RawClient.to(provider.url) as second:
        first.ask(CHAT, a_call())
        second.ask(CHAT, a_call())
        await second.until(b"hello")
        assert await first.until_quiet() == b""
        assert len(provider.requests) == 1
