"""Modules are switched and set while calls run: none fails, and none sees two configurations."""

import asyncio

import pytest
from msgspec.structs import replace

from stockyard.core.events import Event, TextDelta
from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage, Streaming
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard


class MarkConfig(ModuleConfig, frozen=True):
    mark: str = "0"


class Mark(Module[MarkConfig]):
    """Puts its mark on the request, and on every piece of the answer."""

    name = "mark"
    category = "text"
    stage = Stage.INSPECT
    streaming = Streaming.CHUNKS

    def on_request(self, x: Exchange) -> None:
        x.tell("x-mark", self.config.mark)

    def on_chunk(self, x: Exchange, event: Event) -> Event:
        if not isinstance(event, TextDelta):
            return event
        return replace(event, text=event.text + self.config.mark)


def marks_of(answer: Heard) -> set[str]:
    """The marks of the configurations that an answer shows: of the head, and of every piece."""
    return {answer.headers.get("x-mark", ""), *(p.strip("word ") for p in answer.pieces)}


async def toggle(yard: Yard, times: int) -> None:
    for n in range(times):
        mark = f"{n % 10}"
        if n % 4 == 3:
            yard.disable("mark")
        else:
            yard.enable("mark", mark=mark)
        await asyncio.sleep(0.001)


async def call_until(yard: Yard, done: asyncio.Event) -> list[Heard]:
    answers = []
    while not done.is_set():
        answers.append(await yard.stream("hi"))
    return answers


async def toggled(yard: Yard, times: int) -> None:
    yard.provider("openai").streams("word ", "word ", "word ", "word ").slowly(between=0.002)
    yard.add(Mark)
    yard.disable("mark")
    await yard.open()
    done = asyncio.Event()
    callers = [asyncio.create_task(call_until(yard, done)) for _ in range(8)]
    await toggle(yard, times)
    done.set()
    answers = [answer for caller in callers for answer in await caller]
    assert len(answers) > 8
    for answer in answers:
        assert answer.status == 200
        assert answer.ended
        assert len(marks_of(answer)) == 1, "the head and every piece agree"
    assert len({mark for answer in answers for mark in marks_of(answer)}) > 1
    assert await yard.quiet()
    assert {call.status for call in yard.calls} == {200}


async def test_a_hundred_times(yard: Yard) -> None:
    await toggled(yard, 100)


@pytest.mark.slow
async def test_a_thousand_times(yard: Yard) -> None:
    await toggled(yard, 1000)


async def test_a_call_that_runs_keeps_what_it_began_with(yard: Yard) -> None:
    openai = yard.provider("openai").streams("a", "b").stalls_after("first_content")
    yard.add(Mark, mark="1")
    async with yard.raw() as client:
        body = yard.body("hi", stream=True)
        client.ask("/v1/chat/completions", body, headers=yard.headers)
        await client.until(b'"a1"')
        versions = [yard.stockyard.line.config_version]
        yard.enable("mark", mark="2")
        versions.append(yard.stockyard.line.config_version)
        openai.goes_on()
        await client.until(b'"b1"')
    openai.streams("c")
    assert (await yard.stream("hi")).pieces == ["c2"]
    assert await yard.ended(2)
    assert [call.exchange.config_version for call in yard.calls] == versions
    yard.disable("mark")
    assert (await yard.stream("hi")).pieces == ["c"]
