"""Calls that are answered or refused: what the caller hears, and that they end once."""

import asyncio

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.errors import Refused
from stockyard.testing.yard import Yard
from tests.gateway.endings import Asking, ended_once


class Fence(Module[ModuleConfig]):
    name = "fence"
    category = "safety"
    stage = Stage.INSPECT

    def on_request(self, x: Exchange) -> None:
        raise Refused(400, "content_blocked", "Not this.")


class TestAnswered:
    async def test_a_call_is_answered_whole(self, yard: Yard) -> None:
        yard.provider("openai").says("hello")
        answer = await yard.chat("hi")
        assert (answer.status, answer.text) == (200, "hello")
        assert yard.last.attempts == ["openai 200"]
        assert yard.last.usage is not None
        assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 12)
        await ended_once(yard, status=200)

    async def test_a_call_is_answered_in_a_stream(self, yard: Yard) -> None:
        yard.provider("openai").streams("hel", "lo")
        answer = await yard.stream("hi")
        assert answer.pieces == ["hel", "lo"]
        assert answer.ended
        assert answer.complete
        assert yard.last.usage is not None
        assert yard.last.usage.completion == 12
        await ended_once(yard, status=200)

    async def test_without_any_provider_the_mock_answers(self, yard: Yard) -> None:
        answer = await yard.chat("hello", model="gpt-4o")
        assert answer.status == 200
        assert answer.headers["x-stockyard-provider"] == "mock"
        assert answer.text.endswith("hello")

    @pytest.mark.parametrize("ask", [Yard.chat, Yard.stream, Yard.messages])
    async def test_every_answer_names_its_trace(self, yard: Yard, ask: Asking) -> None:
        yard.provider("openai").says("hello")
        answer = await ask(yard)
        x = yard.last.exchange
        assert answer.headers["x-request-id"] == x.id
        assert answer.headers["x-stockyard-trace-id"] == x.trace_id
        assert answer.headers["x-stockyard-provider"] == "openai"


class TestRefused:
    async def test_a_call_is_refused_by_a_module(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("never")
        yard.add(Fence)
        answer = await yard.chat("hi")
        assert answer.status == 400
        assert answer.error is not None
        assert answer.error["code"] == "content_filter"
        assert answer.error["stockyard"]["module"] == "fence"
        assert yard.last.refused_by == "fence"
        assert not openai.requests
        await ended_once(yard, status=400)

    async def test_a_stream_is_refused_as_http(self, yard: Yard) -> None:
        yard.provider("openai").says("never")
        yard.add(Fence)
        answer = await yard.stream("hi")
        assert (answer.status, answer.streamed) == (400, False)
        assert answer.headers["content-type"] == "application/json"
        await ended_once(yard, status=400)

    async def test_s52_a_model_that_nobody_serves_is_not_found(self, yard: Yard) -> None:
        yard.provider("openai").says("never")
        answer = await yard.stream("hi", model="gpt5-typo")
        assert (answer.status, answer.streamed) == (404, False)
        assert answer.error is not None
        assert answer.error["code"] == "model_not_found"
        assert "'gpt5-typo'" in answer.error["message"]
        await ended_once(yard, status=404)

    async def test_s52_a_provider_that_was_asked_for_and_cannot_serve_is_told(
        self, yard: Yard
    ) -> None:
        yard.provider("openai").says("never")
        answer = await yard.stream("hi", headers={"x-stockyard-provider": "groq"})
        assert (answer.status, answer.streamed) == (503, False)
        assert answer.error is not None
        assert answer.error["code"] == "no_target"
        assert int(answer.headers["retry-after"]) >= 1
        await ended_once(yard, status=503)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"nonsense",
            b"[]",
            b"null",
            b'{"model":',
            b'{"messages":[]}',
            b'{"model":7}',
            b"\xff",
        ],
    )
    async def test_a_body_that_is_no_call_is_refused(self, yard: Yard, body: bytes) -> None:
        openai = yard.provider("openai").says("never")
        answer = await yard.call("/v1/chat/completions", body)
        assert answer.status == 400
        assert answer.error is not None
        assert answer.error["type"] == "invalid_request_error"
        assert not openai.requests

    async def test_too_many_calls_at_once_are_turned_away(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("first").slowly(before=0.3)
        yard.set("overload.max_inflight", 1)
        first = asyncio.create_task(yard.chat("hi"))
        assert await openai.called()
        second = await yard.chat("hi")
        assert second.status == 503
        assert second.error is not None
        assert second.error["code"] == "overloaded"
        assert (await first).text == "first"
