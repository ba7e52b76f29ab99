"""The official OpenAI and Anthropic libraries for Python, with Bedrock behind the gateway."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from tests.bedrock_answers import (
    FRAMES,
    JSON,
    TEXT_STREAM,
    TOOL_STREAM,
    chunks,
    converse,
    message,
    message_stream,
)

NOVA = "bedrock/amazon.nova-lite-v1:0"
CLAUDE = "bedrock/eu.anthropic.claude-haiku-4-5-v1:0"
ASKED: Any = [{"role": "user", "content": "How is the weather?"}]
SCHEMA: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
CHAT_TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
TOOL: Any = {"name": "weather", "description": "Of a city.", "input_schema": SCHEMA}
CALL = {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Paris"}}
MESSAGES_CALL = {"type": "tool_use", "id": "tooluse_1", "name": "weather", "input": {}}


@pytest.fixture
def bedrock(yard: Yard) -> ScriptedProvider:
    return yard.provider(
        "bedrock", settings={"region": "eu-west-1"}, auth="sigv4:bedrock", api_key="AKID:secret"
    )


@pytest.fixture
async def openai(yard: Yard, bedrock: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    await yard.open()
    async with AsyncOpenAI(base_url=f"{yard.url}/v1", api_key=yard.key) as client:
        yield client


@pytest.fixture
async def anthropic(yard: Yard, bedrock: ScriptedProvider) -> AsyncIterator[AsyncAnthropic]:
    await yard.open()
    async with AsyncAnthropic(base_url=yard.url, api_key=yard.key) as client:
        yield client


async def test_openai_whole(openai: AsyncOpenAI, bedrock: ScriptedProvider) -> None:
    bedrock.sends(200, JSON, converse({"text": "Fine today."}))
    answer = await openai.chat.completions.create(model=NOVA, messages=ASKED)

    assert answer.choices[0].message.content == "Fine today."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 37


async def test_openai_streamed(openai: AsyncOpenAI, bedrock: ScriptedProvider) -> None:
    bedrock.sends(200, FRAMES, TEXT_STREAM)
    stream = await openai.chat.completions.create(
        model=NOVA, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    heard = [chunk async for chunk in stream]

    texts = [c.choices[0].delta.content or "" for c in heard if c.choices]
    assert "".join(texts) == "Fine today."
    assert heard[-1].usage is not None
    assert heard[-1].usage.total_tokens == 37


async def test_openai_tools_and_their_results(
    openai: AsyncOpenAI, bedrock: ScriptedProvider
) -> None:
    bedrock.sends(200, FRAMES, TOOL_STREAM)
    bedrock.sends(200, JSON, converse({"text": "Sunny."}))
    async with openai.chat.completions.stream(
        model=NOVA, messages=ASKED, tools=[CHAT_TOOL]
    ) as stream:
        said = (await stream.get_final_completion()).choices[0].message
    assert said.tool_calls is not None
    call = said.tool_calls[0]
    assert (call.id, call.function.name) == ("tooluse_1", "weather")
    assert json.loads(call.function.arguments) == {"city": "Paris"}

    history = [*ASKED, said.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "sun"}]
    answer = await openai.chat.completions.create(model=NOVA, messages=history, tools=[CHAT_TOOL])
    assert answer.choices[0].message.content == "Sunny."
    turns = bedrock.last.json["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [{"text": "Let me see."}, {"toolUse": CALL}]
    result = {"toolUseId": "tooluse_1", "content": [{"text": "sun"}]}
    assert turns[2]["content"] == [{"toolResult": result}]


@pytest.mark.parametrize(
    ("model", "answered"),
    [
        (NOVA, converse({"text": "Fine today."})),
        (CLAUDE, message({"type": "text", "text": "Fine today."})),
    ],
)
async def test_anthropic_whole(
    anthropic: AsyncAnthropic, bedrock: ScriptedProvider, model: str, answered: bytes
) -> None:
    bedrock.sends(200, JSON, answered)
    answer = await anthropic.messages.create(model=model, messages=ASKED, max_tokens=50)

    assert [block.text for block in answer.content if block.type == "text"] == ["Fine today."]
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 7)


@pytest.mark.parametrize(
    ("model", "answered"), [(NOVA, TEXT_STREAM), (CLAUDE, message_stream("Fine ", "today."))]
)
async def test_anthropic_streamed(
    anthropic: AsyncAnthropic, bedrock: ScriptedProvider, model: str, answered: bytes
) -> None:
    bedrock.sends(200, FRAMES, answered)
    async with anthropic.messages.stream(model=model, messages=ASKED, max_tokens=50) as stream:
        texts = [text async for text in stream.text_stream]
        answer = await stream.get_final_message()

    assert texts == ["Fine ", "today."]
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 7


CLAUDE_TOOL_STREAM = chunks(
    {"type": "message_start", "message": json.loads(message()) | {"stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": MESSAGES_CALL},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": '{"city":"Paris"}'},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use"},
        "usage": {"output_tokens": 7},
    },
    {"type": "message_stop"},
)


@pytest.mark.parametrize(("model", "answered"), [(NOVA, TOOL_STREAM), (CLAUDE, CLAUDE_TOOL_STREAM)])
async def test_anthropic_tools(
    anthropic: AsyncAnthropic, bedrock: ScriptedProvider, model: str, answered: bytes
) -> None:
    bedrock.sends(200, FRAMES, answered)
    async with anthropic.messages.stream(
        model=model, messages=ASKED, max_tokens=50, tools=[TOOL], tool_choice={"type": "any"}
    ) as stream:
        answer = await stream.get_final_message()

    (call,) = (block for block in answer.content if block.type == "tool_use")
    assert (call.id, call.name, call.input) == ("tooluse_1", "weather", {"city": "Paris"})
    assert answer.stop_reason == "tool_use"


async def test_errors_arrive_as_the_library_knows_them(
    openai: AsyncOpenAI, anthropic: AsyncAnthropic, bedrock: ScriptedProvider
) -> None:
    from anthropic import NotFoundError
    from openai import BadRequestError

    told = b'{"message":"Bad field."}'
    bedrock.sends(400, {**JSON, "x-amzn-errortype": "ValidationException"}, told)
    bedrock.sends(404, {**JSON, "x-amzn-errortype": "ResourceNotFoundException"}, told)
    with pytest.raises(BadRequestError, match="Bad field"):
        await openai.chat.completions.create(model=NOVA, messages=ASKED)
    with pytest.raises(NotFoundError):
        await anthropic.messages.create(model=CLAUDE, messages=ASKED, max_tokens=5)
