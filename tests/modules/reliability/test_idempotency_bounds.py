"""What is kept and for whom: large answers, slow readers, toggling, restarting."""

import asyncio
from pathlib import Path

import pytest

from stockyard.testing import RawClient
from stockyard.testing.yard import Yard
from tests.modules.reliability.keyed_calls import (
    KEY,
    asked,
    repeats,
)


async def test_it_is_toggled_while_calls_run(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    openai.says("three")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        yard.disable("idempotency")
        assert (await yard.stream("hi", headers=KEY)).text == "three"
        yard.enable("idempotency", in_flight="join")
        second = asyncio.create_task(yard.stream("hi", headers=KEY))
        assert await repeats(yard, 1)
        openai.goes_on()
        wire = await first.until(b"[DONE]")
    assert (await second).text == "onetwo"
    assert b"two" in wire
    assert len(openai.requests) == 2


async def test_a_restart_forgets(tmp_path: Path) -> None:
    key = ""
    for text in ("before", "after"):
        async with Yard(tmp_path) as yard:
            yard.provider("openai").says(text)
            yard.enable("idempotency")
            await yard.open()
            key = yard.key = yard.key or key
            assert (await yard.chat("hi", headers=KEY)).text == text


@pytest.mark.parametrize("stream", [False, True])
async def test_too_large_an_answer_is_not_kept(yard: Yard, stream: bool) -> None:
    openai = yard.provider("openai").says("word " * 100, "other")
    yard.enable("idempotency", max_bytes=300)
    first = await yard.chat("hi", headers=KEY, stream=stream)
    assert yard.last.findings == ["idempotency not_kept"]
    again = await yard.chat("hi", headers=KEY, stream=stream)
    assert (first.text, again.text) == ("word " * 100, "other")
    assert len(openai.requests) == 2


async def test_one_who_joined_in_time_gets_all_of_a_large_answer(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", *["x" * 1000] * 50)
    openai.stalls_after("first_content").says("made again")
    yard.enable("idempotency", max_bytes=5_000)
    async with yard.raw() as first, yard.raw() as second:
        for client in (first, second):
            asked(client, yard, yard.body("hi", stream=True))
            await client.until(b"one")
        openai.goes_on()
        for client in (first, second):
            await client.until(b"[DONE]")
        assert first.reply.body == second.reply.body
    assert len(openai.requests) == 1
    assert (await yard.stream("hi", headers=KEY)).text == "made again"


PIECES = ["x" * 100_000] * 200
LARGE = 19_000_000
"""Less than all of it, and more than the buffers of two sockets hold."""


def reads_slowly(client: RawClient) -> None:
    client._reader._limit = 1024  # type: ignore[attr-defined]  # a stream's own bound


async def taken(client: RawClient) -> tuple[int, bytes]:
    """How many bytes came until the end of the stream, and the last of them."""
    client._reader._limit = 1 << 20  # type: ignore[attr-defined]  # a stream's own bound
    size, last = 0, b""
    while not last.endswith(b"\r\n0\r\n\r\n") and (data := await client.read()):
        client.reads.clear()
        size += len(data)
        last = last[-100:] + data
    return size, last


async def test_one_who_reads_slowly_slows_nobody_and_is_cut_off(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", *PIECES).stalls_after("first_content")
    yard.enable("idempotency", max_bytes=1_000_000)
    async with yard.raw() as slow, yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        reads_slowly(slow)
        asked(slow, yard, yard.body("hi", stream=True))
        await slow.until(b"one")
        openai.goes_on()
        size, last = await taken(first)
        assert size > LARGE
        assert b"[DONE]" in last
        size, last = await taken(slow)
        assert size < LARGE
        assert b"[DONE]" not in last
    assert await yard.ended(2)
    codes = [getattr(call.error, "code", None) for call in yard.calls]
    assert sorted(codes, key=str) == [None, "stream_stalled"]


async def test_if_the_first_reads_slowly_the_others_get_on(yard: Yard) -> None:
    """As when its connection is dead, and that is why it asks again."""
    openai = yard.provider("openai").streams("one", *PIECES)
    yard.enable("idempotency", max_bytes=67_108_864)
    async with yard.raw() as slow, yard.raw() as second:
        reads_slowly(slow)
        asked(slow, yard, yard.body("hi", stream=True))
        await slow.until(b"one")
        await asyncio.sleep(0.2)
        assert openai.last.answered_at is None  # held up
        asked(second, yard, yard.body("hi", stream=True))
        size, last = await taken(second)
        assert size > LARGE
        assert b"[DONE]" in last
    assert len(openai.requests) == 1


async def test_while_all_read_slowly_the_provider_is_held_up(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", *PIECES)
    yard.enable("idempotency", max_bytes=67_108_864)
    async with yard.raw() as first, yard.raw() as second:
        for client in (first, second):
            reads_slowly(client)
            asked(client, yard, yard.body("hi", stream=True))
            await client.until(b"one")
        await asyncio.sleep(0.2)
        assert openai.last.answered_at is None
        sizes = await asyncio.gather(taken(first), taken(second))
        assert all(size > LARGE and b"[DONE]" in last for size, last in sizes)
