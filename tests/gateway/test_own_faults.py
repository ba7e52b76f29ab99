"""Faults of our own: the caller hears of them, and nobody waits or works for nothing."""

import asyncio

import pytest

from stockyard.gateway.noticing import Noticing
from stockyard.testing.yard import Yard
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from stockyard.wire.openai_chat.codec import ChatCodec
from stockyard.wire.openai_chat.writer import ChatWriter
from tests.gateway.endings import ended_once


async def test_an_unforeseen_fault_is_a_plain_500(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.open()
    yard.stockyard.office.dispatch.plans._plans = None  # type: ignore[assignment]  # broken on purpose
    answer = await yard.chat("hi")
    assert answer.status == 500
    assert answer.error is not None
    assert "NoneType" not in answer.error["message"]
    await ended_once(yard, status=500)


async def test_an_answer_that_cannot_be_written_lets_go_of_the_providers_stream(yard: Yard) -> None:
    class Broken(ChatCodec):
        def writer(self, pen: Pen) -> ChatWriter:
            raise RuntimeError("A writer that cannot be made.")

    provider = yard.provider("anthropic").streams("hel", "lo").stalls_after("first_content")
    await yard.open()
    yard.stockyard.reception.formats = {**FORMATS, "openai.chat": Broken()}
    answer = await yard.stream("hi", model="claude-scripted")
    assert (answer.status, answer.json["error"]["code"]) == (500, "internal")
    assert await provider.last.closed_by_client(within=2)
    await ended_once(yard, status=500)


@pytest.mark.parametrize(
    ("path", "status"), [("/openai/v1/assistants", 200), ("/openai/v1/chat/completions", 0)]
)
async def test_a_fault_at_the_end_of_a_call_leaves_nobody_waiting(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    def breaks(_noticing: Noticing, _told: bytes) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Noticing, "_learn", breaks)
    json = {"content-type": "application/json"}
    yard.provider("openai").sends(200, json, b'{"id":"asst_1"}')
    async with asyncio.timeout(10):
        answer = await yard.call(path, yard.body("hi", store=True))
    assert (answer.status, answer.complete) == (status, False)
    assert await yard.quiet()
