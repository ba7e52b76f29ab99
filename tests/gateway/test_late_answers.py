"""Answers and interactions in the background are counted when they are complete."""

import json
from typing import Any

import pytest

from stockyard.core.money import Usage
from stockyard.testing.yard import Yard
from tests.held_things import answers
from tests.late_usage import (
    INTERACTION_ASKED,
    INTERACTION_OVER,
    INTERACTIONS,
    JSON,
    QUEUED,
    completed,
    counted,
    settled,
    tokens_counted,
)


class TestAnswersInTheBackground:
    @pytest.mark.parametrize("path", ["/v1/responses", "/openai/v1/responses"])
    async def test_an_answer_in_the_background_is_counted_once_when_it_is_complete(
        self, yard: Yard, path: str
    ) -> None:
        openai = yard.provider("openai").sends(200, JSON, QUEUED.encode())
        body = {"model": "gpt-scripted", "input": "hi", "background": True, "store": True}
        assert (await yard.call(path, body)).status == 200
        assert await settled(yard)
        assert yard.last.exchange.usage == Usage(), "all of it is reported later"
        before = len(counted(yard, "chat"))
        answers(openai, json.loads(QUEUED) | {"status": "in_progress"})
        await yard.get(f"{path}/resp_b")
        assert await settled(yard)
        assert len(counted(yard, "chat")) == before
        for _ in range(2):
            answers(openai, completed())
            heard = await yard.get(f"{path}/resp_b")
            assert heard.json["usage"]["input_tokens"] == 6
            assert await settled(yard)
        *_, last = counted(yard, "chat")
        assert len(counted(yard, "chat")) == before + 1
        assert last.usage is not None
        assert (last.usage.prompt, last.usage.completion) == (6, 2)
        assert last.received.model == "gpt-scripted-1"

    async def test_an_answer_that_is_fetched_as_a_stream_is_counted(self, yard: Yard) -> None:
        openai = yard.provider("openai").sends(200, JSON, QUEUED.encode())
        body = {"model": "gpt-scripted", "input": "hi", "background": True, "store": True}
        await yard.call("/v1/responses", body)
        assert await settled(yard)
        events = [
            {"type": "response.created", "response": json.loads(QUEUED)},
            {"type": "response.completed", "response": completed()},
        ]
        stream = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
        openai.sends(200, {"content-type": "text/event-stream"}, stream)
        assert (await yard.get("/v1/responses/resp_b?stream=true")).body == stream
        assert await settled(yard)
        usage = counted(yard, "chat")[-1].usage
        assert usage is not None
        assert usage.total == 8

    async def test_an_answer_that_came_at_once_is_not_counted_again(self, yard: Yard) -> None:
        openai = yard.provider("openai")
        answers(openai, completed(background=False))
        body = {"model": "gpt-scripted", "input": "hi", "store": True}
        assert (await yard.call("/openai/v1/responses", body)).status == 200
        assert await settled(yard)
        before = len(counted(yard, "chat"))
        answers(openai, completed(background=False))
        await yard.get("/v1/responses/resp_b")
        assert await settled(yard)
        assert len(counted(yard, "chat")) == before


class TestInteractions:
    """What Gemini keeps of its own accord, and tells whenever it is asked."""

    async def test_an_interaction_that_was_answered_at_once_is_not_counted_again(
        self, yard: Yard
    ) -> None:
        gemini = yard.provider("gemini")
        for _ in range(3):
            answers(gemini, INTERACTION_OVER)
        await yard.call(INTERACTIONS, INTERACTION_ASKED)
        for _ in range(2):
            await yard.get(INTERACTIONS + "/v1_x-1")
        assert await settled(yard)
        assert tokens_counted(yard) == [("passthrough", 5, 6)]

    @pytest.mark.parametrize("stream", [False, True])
    async def test_an_interaction_in_the_background_is_counted_when_it_is_over(
        self, yard: Yard, stream: bool
    ) -> None:
        gemini = yard.provider("gemini")
        begun = {"id": "v1_x-1", "status": "in_progress"}
        for told in (begun, begun):
            answers(gemini, told)
        for _ in range(2):
            event = {"event_type": "interaction.completed", "interaction": INTERACTION_OVER}
            said = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps(event).encode()
            if stream:
                gemini.sends(200, {"content-type": "text/event-stream"}, said)
            else:
                answers(gemini, INTERACTION_OVER)
        await yard.call(INTERACTIONS, INTERACTION_ASKED | {"background": True})
        for _ in range(3):
            await yard.get(INTERACTIONS + "/v1_x-1")
            assert await settled(yard)
        assert tokens_counted(yard) == [("chat", 5, 6)]


async def test_a_kept_chat_is_not_paid_again_when_it_is_read(yard: Yard) -> None:
    openai = yard.provider("openai")
    made: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "choices": []}
    made |= {"usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}
    for _ in range(2):
        answers(openai, made)
    await yard.call("/openai/v1/chat/completions", yard.body(store=True))
    assert (await yard.get("/openai/v1/chat/completions/chatcmpl-1")).json == made
    assert [call.exchange.usage is not None for call in yard.calls] == [True, False]
