"""Calls that go another way than others of the same model: gathered streams, and Responses."""

from typing import Any

import pytest

from stockyard.testing.yard import CHAT, Yard

TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


class TestModelsThatOnlyStream:
    async def test_a_whole_answer_is_gathered_from_a_stream(self, yard: Yard) -> None:
        dashscope = yard.provider("dashscope").streams("hel", "lo").thinks("hm").counts(7, 5)
        answer = await yard.chat("hi", model="dashscope/qwq-plus")
        assert answer.text == "hello"
        assert dashscope.last.json["stream"] is True
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json["usage"]["completion_tokens"] == 5
        assert yard.last.attempts == ["dashscope 200"]

    async def test_models_that_only_stream_answer_whole_in_every_dialect(self, yard: Yard) -> None:
        yard.provider("dashscope").streams("hel", "lo")
        assert (await yard.messages("hi", model="dashscope/qvq-max")).text == "hello"

    async def test_a_stream_passes_as_it_is(self, yard: Yard) -> None:
        dashscope = yard.provider("dashscope").streams("hel", "lo")
        assert (await yard.stream("hi", model="dashscope/qwq-plus")).text == "hello"
        assert dashscope.last.streamed

    async def test_other_models_answer_whole(self, yard: Yard) -> None:
        dashscope = yard.provider("dashscope").says("hello")
        assert (await yard.chat("hi", model="dashscope/qwen-max")).text == "hello"
        assert "stream" not in dashscope.last.json

    async def test_a_stream_that_breaks_is_an_error_and_tried_again(self, yard: Yard) -> None:
        dashscope = yard.provider("dashscope").streams("hel", "lo").cuts_after(1)
        dashscope.streams("hel", "lo")
        yard.enable("retrypilot", base_ms=1)
        assert (await yard.chat("hi", model="dashscope/qwq-plus")).text == "hello"
        assert [request.streamed for request in dashscope.requests] == [True, True]

    async def test_a_broken_stream_is_paid_for_besides_the_next_try(self, yard: Yard) -> None:
        dashscope = yard.provider("dashscope").streams("hello " * 100, "lo").cuts_after(2)
        dashscope.streams("hel", "lo").counts(7, 5)
        yard.enable("retrypilot", base_ms=1)
        answer = await yard.chat("hi", model="dashscope/qwq-plus")
        usage = yard.last.usage
        assert usage is not None
        assert usage.prompt > 7
        assert usage.completion > 100
        assert answer.headers["x-stockyard-tokens-out"] == str(usage.completion)
        assert answer.json["usage"]["completion_tokens"] == 5

    async def test_limits_hear_of_every_try(self, yard: Yard) -> None:
        dashscope = yard.provider("dashscope").streams("hello " * 1000, "lo").cuts_after(2)
        dashscope.streams("hel", "lo").counts(7, 5)
        yard.enable("retrypilot", base_ms=1)
        yard.enable("ratelimit", limits=[{"by": "key", "tokens": 900}])
        assert (await yard.chat("hi", model="dashscope/qwq-plus")).text == "hello"
        assert (await yard.chat("hi", model="dashscope/qwq-plus")).status == 429


class TestToolsWithAnEffort:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"tools": TOOLS, "reasoning_effort": "low"}, "/v1/responses"),
            ({"tools": TOOLS, "reasoning_effort": "none"}, CHAT),
            ({"tools": TOOLS}, CHAT),
            ({"reasoning_effort": "low"}, CHAT),
        ],
    )
    async def test_tools_with_an_effort_go_through_responses_where_chat_refuses_them(
        self, yard: Yard, fields: dict[str, Any], path: str, stream: bool
    ) -> None:
        openai = yard.provider("openai").says("hello")
        answer = await yard.chat("hi", model="gpt-5.4-mini", stream=stream, **fields)
        assert answer.text == "hello"
        assert openai.last.path == path
        assert yard.last.exchange.attempts[0].format == (
            "openai.chat" if path == CHAT else "openai.responses"
        )

    async def test_other_models_take_tools_with_an_effort(self, yard: Yard) -> None:
        openai = yard.provider("openai").says("hello")
        await yard.chat("hi", model="gpt-5.4", tools=TOOLS, reasoning_effort="low")
        assert openai.last.path == CHAT


class TestLongAnswers:
    @pytest.mark.parametrize(
        ("limit", "streamed"), [(21_333, False), (21_334, True), (None, False)]
    )
    async def test_an_answer_that_may_take_ten_minutes_is_gathered_from_a_stream(
        self, yard: Yard, limit: int | None, streamed: bool
    ) -> None:
        """`wire.md` 5.2, max_tokens."""
        provider = yard.provider("anthropic").says("hello you").counts(9, 2)
        answer = await yard.chat(model="claude-scripted", max_completion_tokens=limit)
        assert answer.text == "hello you"
        assert answer.json["usage"]["total_tokens"] == 11
        assert provider.last.streamed == streamed

    async def test_a_model_that_nobody_lists_may_write_what_its_relatives_do(
        self, yard: Yard
    ) -> None:
        provider = yard.provider("anthropic").says("hello")
        await yard.chat(model="claude-opus-99", max_tokens=None)
        assert provider.last.json["max_tokens"] == 32_000

    async def test_a_client_of_the_same_format_decides_itself(self, yard: Yard) -> None:
        provider = yard.provider("anthropic").says("hello")
        answer = await yard.messages(model="claude-scripted", max_tokens=50_000)
        assert answer.text == "hello"
        assert not provider.last.streamed
