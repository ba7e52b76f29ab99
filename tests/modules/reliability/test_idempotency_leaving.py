"""Repeats of a running call, and callers who leave before it ends."""

import asyncio
import random
from pathlib import Path

import pytest

from stockyard.testing.yard import CHAT, Yard, becomes
from tests.modules.reliability.keyed_calls import (
    KEY,
    asked,
    repeats,
)


async def test_a_repeat_of_a_running_call_is_refused_if_so_set(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency", in_flight="refuse")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        refused = await yard.stream("hi", headers=KEY)
        assert refused.status == 409
        assert refused.json["error"]["code"] == "idempotency_in_flight"
        assert refused.headers["retry-after"] == "1"
        openai.goes_on()
        await first.until(b"[DONE]")
    assert (await yard.stream("hi", headers=KEY)).text == "onetwo"
    assert len(openai.requests) == 1


async def test_when_the_first_leaves_the_call_is_finished_for_a_caller_who_comes_back(
    yard: Yard,
) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
    assert await becomes(lambda: not yard.stockyard.front.lanes)
    openai.goes_on()
    assert await yard.ended(1)
    assert (yard.last.status, yard.last.abandoned) == (200, False)
    assert yard.last.findings == ["idempotency went_on"]
    assert yard.last.usage is not None
    heard = await yard.stream("hi", headers=KEY)
    assert (heard.text, heard.ended) == ("onetwo", True)
    assert len(openai.requests) == 1


async def test_when_the_first_leaves_a_whole_answer_is_kept_as_well(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello").stalls_after("head")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi"))
        assert await openai.called()
    assert await becomes(lambda: not yard.stockyard.front.lanes)
    second = asyncio.create_task(yard.chat("hi", headers=KEY))
    assert await repeats(yard, 1)
    openai.goes_on()
    assert (await second).text == "hello"
    assert len(openai.requests) == 1


@pytest.mark.parametrize("on_abandon", ["finish", "stop"])
async def test_when_the_first_leaves_those_who_joined_get_everything(
    yard: Yard, on_abandon: str
) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency", on_abandon=on_abandon)
    async with yard.raw() as second:
        async with yard.raw() as first:
            asked(first, yard, yard.body("hi", stream=True))
            await first.until(b"one")
            asked(second, yard, yard.body("hi", stream=True))
            await second.until(b"one")
        assert await becomes(lambda: len(yard.stockyard.front.lanes) == 1)
        openai.goes_on()
        await second.until(b"[DONE]")
    assert len(openai.requests) == 1
    assert (await yard.stream("hi", headers=KEY)).text == "onetwo"


async def test_when_all_have_left_the_call_is_stopped_if_so_set(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    openai.streams("again")
    yard.enable("idempotency", on_abandon="stop")
    async with yard.raw() as second, yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        asked(second, yard, yard.body("hi", stream=True))
        await second.until(b"one")
    assert await openai.closed_by_client()
    assert await yard.ended(2)
    assert [call.status for call in yard.calls] == [499, 499]
    assert (await yard.stream("hi", headers=KEY)).text == "again"


async def test_one_who_joined_may_leave(yard: Yard) -> None:
    openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
    yard.enable("idempotency")
    async with yard.raw() as first:
        asked(first, yard, yard.body("hi", stream=True))
        await first.until(b"one")
        async with yard.raw() as second:
            asked(second, yard, yard.body("hi", stream=True))
            await second.until(b"one")
        assert await yard.ended(1)
        assert (yard.last.status, yard.last.abandoned) == (499, True)
        openai.goes_on()
        await first.until(b"[DONE]")
    assert yard.last.status == 200


async def test_one_who_waits_for_the_head_may_leave(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello").stalls_after("nothing")
    yard.enable("idempotency")
    first = asyncio.create_task(yard.chat("hi", headers=KEY))
    assert await openai.called()
    async with yard.raw() as second:
        asked(second, yard, yard.body("hi"))
        assert await repeats(yard, 1)
    assert await yard.ended(1)
    assert yard.last.status == 499
    openai.goes_on()
    assert (await first).text == "hello"


async def test_a_stop_of_the_process_ends_what_nobody_waits_for(tmp_path: Path) -> None:
    async with Yard(tmp_path) as yard:
        openai = yard.provider("openai").streams("one", "two").stalls_after("first_content")
        yard.enable("idempotency")
        async with yard.raw() as first:
            asked(first, yard, yard.body("hi", stream=True))
            await first.until(b"one")
        assert await becomes(lambda: not yard.stockyard.front.lanes)
        assert len(yard.stockyard.office.running) == 1
    assert not yard.stockyard.office.running
    assert yard.last.status == 499
    assert len(openai.requests) == 1


@pytest.mark.parametrize("on_abandon", ["finish", "stop"])
async def test_whoever_leaves_whenever_nothing_stays_behind(yard: Yard, on_abandon: str) -> None:
    chance = random.Random(51)
    openai = yard.provider("openai").streams(*["word "] * 20).slowly(between=0.002)
    yard.enable("idempotency", on_abandon=on_abandon)
    await yard.open()

    async def ask(key: str, patience: float) -> None:
        async with yard.raw() as client:
            headers = yard.headers | {"idempotency-key": key}
            client.ask(CHAT, yard.body("hi", stream=True), headers=headers)
            try:
                async with asyncio.timeout(patience):
                    await client.until(b"[DONE]")
            except TimeoutError:
                pass  # it leaves

    keys = [f"order-{n % 8}" for n in range(64)]
    await asyncio.gather(*(ask(key, chance.uniform(0.0, 0.2)) for key in keys))
    assert await yard.quiet()
    claims = yard.stockyard.claims
    assert not claims._running
    assert claims.size_bytes == sum(one.size_bytes for one in claims._complete.values())
    assert not any(one._readers for one in claims._complete.values())
    made = sum(call.usage is not None or bool(call.attempts) for call in yard.calls)
    assert made == len(openai.requests)
