"""The official client libraries understand what a scripted provider says, whole and streamed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from stockyard.testing import ScriptedProvider

ASKED: Any = [{"role": "user", "content": "How is the weather?"}]


@pytest.fixture
async def chat(provider: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=provider.url + "/v1", api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture
async def messages(provider: ScriptedProvider) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=provider.url, api_key="k", max_retries=0) as client:
        yield client


@pytest.fixture
def weather(provider: ScriptedProvider) -> ScriptedProvider:
    provider.calls_tool("get_weather", {"city": "Zürich"}, text="Let me look.")
    provider.and_calls("get_time", {}).thinks("A city, ", "so a tool.").counts(30, 7, cached=20)
    return provider


def tools_of(message: Any) -> list[tuple[str, object]]:
    return [(c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls]


async def test_chat_reads_a_whole_answer(weather: ScriptedProvider, chat: AsyncOpenAI) -> None:
    answer = await chat.chat.completions.create(model="m", messages=ASKED)
    [choice] = answer.choices
    assert choice.message.content == "Let me look."
    assert choice.finish_reason == "tool_calls"
    assert tools_of(choice.message) == [("get_weather", {"city": "Zürich"}), ("get_time", {})]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (30, 7)


async def test_chat_reads_a_stream(weather: ScriptedProvider, chat: AsyncOpenAI) -> None:
    async with chat.chat.completions.stream(model="m", messages=ASKED) as stream:
        answer = await stream.get_final_completion()
    [choice] = answer.choices
    assert choice.message.content == "Let me look."
    assert tools_of(choice.message) == [("get_weather", {"city": "Zürich"}), ("get_time", {})]


async def test_messages_reads_a_whole_answer(
    weather: ScriptedProvider, messages: AsyncAnthropic
) -> None:
    answer = await messages.messages.create(model="m", max_tokens=9, messages=ASKED)
    check_message(answer)


async def test_messages_reads_a_stream(weather: ScriptedProvider, messages: AsyncAnthropic) -> None:
    async with messages.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
        check_message(await stream.get_final_message())


def check_message(answer: anthropic.types.Message) -> None:
    thought, said, *called = answer.content
    assert thought.type == "thinking"
    assert thought.thinking == "A city, so a tool."
    assert said.type == "text"
    assert said.text == "Let me look."
    found = [(c.name, c.input) for c in called if c.type == "tool_use"]
    assert found == [("get_weather", {"city": "Zürich"}), ("get_time", {})]
    assert answer.stop_reason == "tool_use"
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (10, 20, 7)


async def test_errors_become_the_libraries_own(
    provider: ScriptedProvider, chat: AsyncOpenAI, messages: AsyncAnthropic
) -> None:
    provider.fails(429, "Slow down.", retry_after=2)
    with pytest.raises(openai.RateLimitError, match="Slow down") as limited:
        await chat.chat.completions.create(model="m", messages=ASKED)
    assert limited.value.code == "rate_limit_exceeded"
    with pytest.raises(anthropic.RateLimitError, match="Slow down"):
        await messages.messages.create(model="m", max_tokens=9, messages=ASKED)


async def test_an_error_inside_a_stream_is_heard(
    provider: ScriptedProvider, chat: AsyncOpenAI, messages: AsyncAnthropic
) -> None:
    provider.streams("a", "b").fails_after("first_content", "Overloaded.")
    stream: Any = await chat.chat.completions.create(model="m", messages=ASKED, stream=True)
    assert [(await anext(stream)).choices[0].delta.content for _ in "12"] == ["", "a"]
    with pytest.raises(openai.APIError, match="Overloaded"):
        await anext(stream)
    async with messages.messages.stream(model="m", max_tokens=9, messages=ASKED) as events:
        with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
            await events.get_final_message()
