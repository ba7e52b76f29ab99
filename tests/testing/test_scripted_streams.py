"""Streams in two formats, and everything that can be wrong with their events."""

import re

import msgspec
import pytest

from stockyard.testing import RawClient, ScriptedProvider, a_call
from tests.testing.telling import Telling, events

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"


async def test_a_stream_sends_the_pieces_it_was_given(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.streams("my proj", "ect fal", "con")
    client.ask(CHAT, a_call(stream=True))
    await client.until(b"0\r\n\r\n")
    texts = [e["choices"][0]["delta"].get("content") for e in events(client.reply.body)]
    assert texts == ["", "my proj", "ect fal", "con", None]
    assert client.reply.body.endswith(b"data: [DONE]\n\n")


async def test_usage_comes_only_when_the_client_asked(
    provider: ScriptedProvider, client: RawClient
) -> None:
    provider.says("hi")
    client.ask(CHAT, a_call(stream=True))
    await client.until(b"0\r\n\r\n")
    assert b"usage" not in client.reply.body

    client.reads.clear()
    client.ask(CHAT, a_call(stream=True, stream_options={"include_usage": True}))
    await client.until(b"0\r\n\r\n")
    *earlier, counted = events(client.reply.body)
    assert counted["choices"] == []
    assert counted["usage"]["total_tokens"] == 21
    assert all(chunk["usage"] is None for chunk in earlier)


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (msgspec.Raw(b"1e400"), b'"prompt_tokens":1e400'),
        (msgspec.Raw(b"NaN"), b'"prompt_tokens":NaN'),
        (-1, b'"prompt_tokens":-1'),
        ("12", b'"prompt_tokens":"12"'),
        (None, b'"prompt_tokens":null'),
        ([12], b'"prompt_tokens":[12]'),
        (msgspec.UNSET, b'"usage":{"completion_tokens":12}'),
    ],
)
async def test_a_count_may_be_any_json(
    provider: ScriptedProvider, client: RawClient, count: object, written: bytes
) -> None:
    provider.says("hi").counts(input=count)
    client.ask(CHAT, a_call())
    await client.until(written)


SHAPES: dict[str, tuple[Telling, str]] = {
    "twice": (lambda s: s.counts_twice(), "open content finish usage usage end"),
    "never": (lambda s: s.counts_nothing(), "open content finish end"),
    "after the end": (lambda s: s.counts_after_the_end(), "open content finish end usage"),
    "no terminator": (lambda s: s.without_terminator(), "open content finish usage"),
    "no finish": (lambda s: s.without_finish(), "open content usage end"),
    "two terminators": (lambda s: s.ends_twice(), "open content finish usage end end"),
    "cut": (lambda s: s.cuts_after(2), "open content"),
    "cut later": (lambda s: s.cuts_after("finish"), "open content finish"),
    "error": (lambda s: s.fails_after("open"), "open error"),
    "comment": (
        lambda s: s.inserts(b": ping\n\n", after="open"),
        "open comment content finish usage end",
    ),
    "junk": (
        lambda s: s.inserts(b": junk\n\n", after="end"),
        "open content finish usage end comment",
    ),
}


def kinds(body: bytes) -> str:
    """The order of a stream's events, in one word each, in either format."""
    names = {
        "open": rb'"role":"assistant"',
        "content": rb'"content":"hi"|text_delta',
        "finish": rb'"finish_reason":"|message_delta',
        "usage": rb'"usage":\{"p',
        "end": rb"\[DONE\]|message_stop",
        "error": rb'"error":',
        "comment": rb"^:",
    }
    found = []
    for event in re.split(rb"(?<=\n\n)", body):
        found += [name for name, pattern in names.items() if re.search(pattern, event)]
    return " ".join(found)


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_stream_may_lack_repeat_or_misplace_anything(
    provider: ScriptedProvider, client: RawClient, shape: str
) -> None:
    told, expected = SHAPES[shape]
    told(provider.streams("hi").closes())
    client.ask(CHAT, a_call(stream=True, stream_options={"include_usage": True}))
    await client.to_the_end()
    assert kinds(client.reply.body) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (lambda s: s.counts_twice(), "open content finish finish end"),
        (lambda s: s.counts_after_the_end(), "open content end finish"),
        (lambda s: s.fails_after("first_content"), "open content error"),
    ],
)
async def test_where_finish_and_counts_are_one_event_they_move_together(
    provider: ScriptedProvider, client: RawClient, told: Telling, expected: str
) -> None:
    told(provider.streams("hi").closes())
    client.ask(MESSAGES, a_call(stream=True))
    await client.to_the_end()
    assert kinds(client.reply.body) == expected


async def test_counts_may_come_late(provider: ScriptedProvider, client: RawClient) -> None:
    provider.says("hi").counts_unasked().counts_late(0.2)
    client.ask(CHAT, a_call(stream=True))
    await client.until(b'"finish_reason":"stop"')
    assert b"total_tokens" not in client.wire
    await client.until(b"total_tokens")


async def test_pings_may_go_on_for_ever(provider: ScriptedProvider, client: RawClient) -> None:
    provider.streams("hi").repeats(b": ping\n\n", after="open", every=0.001)
    client.ask(CHAT, a_call(stream=True))
    while client.wire.count(b": ping") < 5:
        assert await client.read()
    assert b'"hi"' not in client.wire
    await client.aclose()
    assert await provider.closed_by_client()
