"""The official OpenAI library for Python, where it speaks Responses and legacy completions."""

import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


@pytest.fixture(params=["deepinfra", "anthropic"])
def upstream(yard: Yard, request: pytest.FixtureRequest) -> ScriptedProvider:
    """The provider behind the gateway: one of chat, and one of messages."""
    return yard.provider(request.param)


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    await yard.open()
    async with AsyncOpenAI(base_url=yard.url + "/v1", api_key=yard.key, max_retries=0) as client:
        yield client


@pytest.fixture
def model(yard: Yard, upstream: ScriptedProvider) -> str:
    return str(yard.body()["model"])


async def test_a_whole_response(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, yard: Yard
) -> None:
    upstream.says("Fine today.").counts(30, 7)
    answer = await client.responses.create(
        model=model, instructions="Be brief.", input="How is the weather?", max_output_tokens=50
    )
    assert answer.output_text == "Fine today."
    assert (answer.status, answer.instructions) == ("completed", "Be brief.")
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 7)
    assert answer.id.startswith("resp_")
    assert upstream.last.prompt == "How is the weather?"
    assert yard.last.exchange.usage is not None


async def test_a_streamed_response(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.streams("Fine", " today", ".").counts(30, 7)
    stream = await client.responses.create(model=model, input="?", stream=True)
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(texts) == "Fine today."
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.usage is not None
    assert last.response.usage.total_tokens == 37


async def test_the_helper_for_streams(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.calls_tool("weather", {"city": "Zürich"}, text="Let me look.")
    upstream.and_calls("weather", {"city": "Köln"})
    async with client.responses.stream(model=model, input="?", tools=[WEATHER]) as stream:
        answer = await stream.get_final_response()
    assert answer.output_text == "Let me look."
    calls = [item for item in answer.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["city"] for call in calls] == ["Zürich", "Köln"]
    assert [item.type for item in answer.output] == ["message", "function_call", "function_call"]


async def test_what_was_answered_goes_back(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.calls_tool("weather", {"city": "Köln"})
    asked: Any = [{"role": "user", "content": "How is the weather?"}]
    first = await client.responses.create(model=model, input=asked, tools=[WEATHER])
    (call,) = [item for item in first.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    upstream.says("It rains.")
    history: Any = [*asked, *first.output, result]
    second = await client.responses.create(model=model, input=history, tools=[WEATHER])
    assert second.output_text == "It rains."
    assert call.call_id in upstream.last.body.decode()
    assert b"rain" in upstream.last.body


async def test_reasoning_is_shown_as_a_summary(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("4").thinks("Two", " and two.")
    answer = await client.responses.create(model=model, input="2+2?")
    (thought,) = [item for item in answer.output if item.type == "reasoning"]
    assert thought.summary[0].text == "Two and two."


async def test_an_answer_cut_short_is_incomplete(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("Fine").finishes("length" if "deepinfra" in model else "max_tokens")
    answer = await client.responses.create(model=model, input="?")
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_a_stream_that_breaks_raises(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.streams("Fine", " today", ".").cuts_after("first_content")
    stream = await client.responses.create(model=model, input="?", stream=True)
    with pytest.raises(openai.APIError) as raised:
        async for _ in stream:
            pass
    assert raised.value.code == "stream_interrupted"


async def test_a_provider_that_fails_is_an_error(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.fails(429)
    with pytest.raises(openai.RateLimitError) as raised:
        await client.responses.create(model=model, input="?")
    assert raised.value.code == "rate_limit_exceeded"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_not_found"),
        ({"conversation": "conv_1"}, "previous_response_not_found"),
        ({"background": True}, "invalid_request"),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_request"),
    ],
)
async def test_what_another_provider_keeps_is_refused(
    client: AsyncOpenAI,
    model: str,
    upstream: ScriptedProvider,
    fields: dict[str, Any],
    code: str,
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.create(**{"model": model, "input": "?", **fields})
    assert raised.value.code == code
    assert raised.value.param == next(iter(fields))
    assert not upstream.requests


async def test_an_item_that_no_answer_of_the_team_had_is_not_found(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    with pytest.raises(openai.NotFoundError, match="rs_1"):
        await client.responses.create(model=model, input=[{"type": "item_reference", "id": "rs_1"}])
    assert not upstream.requests


async def test_a_legacy_completion(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("upon a time").counts(3, 4)
    answer = await client.completions.create(model=model, prompt="Once ", max_tokens=9, echo=True)
    assert (answer.object, answer.choices[0].text) == ("text_completion", "Once upon a time")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7
    assert upstream.last.prompt == "Once "


async def test_a_legacy_stream(client: AsyncOpenAI, model: str, upstream: ScriptedProvider) -> None:
    upstream.streams("upon", " a", " time").counts(3, 4)
    stream = await client.completions.create(
        model=model, prompt="Once", stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(c.choices[0].text for c in chunks if c.choices) == "upon a time"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 7


async def test_several_prompts_are_asked_one_after_the_other(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("upon", "more")
    done = await client.completions.create(model=model, prompt=["Once", "Twice"])
    assert [choice.text for choice in done.choices] == ["upon", "more"]
    assert [choice.index for choice in done.choices] == [0, 1]


@pytest.mark.parametrize("prompt", [[1, 2, 3], [[1], [2]]])
async def test_prompts_that_a_chat_cannot_be_asked_are_refused(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, prompt: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.completions.create(model=model, prompt=prompt)
    assert raised.value.param == "prompt"
    assert not upstream.requests
