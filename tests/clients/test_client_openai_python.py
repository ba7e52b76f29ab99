"""The official OpenAI library for Python against the gateway, whoever answers behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

PNG = "data:image/png;base64,iVBORw0KGgo="
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How is the weather?"},
]


class Forecast(BaseModel):
    city: str
    degrees: int


class Impatient(AsyncOpenAI):
    """Does not wait before it tries again."""

    def _calculate_retry_timeout(self, *args: Any, **kwargs: Any) -> float:
        return 0.0


KINDS: dict[str, dict[str, str]] = {"own": {"kind": "ollama.chat"}}
"""Settings of those that the catalog does not have."""


@pytest.fixture(params=["openai", "anthropic", "cohere", "own"])
def upstream(yard: Yard, request: pytest.FixtureRequest) -> ScriptedProvider:
    """The provider behind the gateway: of the client's dialect, and of others."""
    return yard.provider(request.param, **KINDS.get(request.param, {}))


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncOpenAI]:
    await yard.open()
    async with Impatient(base_url=yard.url + "/v1", api_key=yard.key) as client:
        yield client


@pytest.fixture
def model(yard: Yard, upstream: ScriptedProvider) -> str:
    return str(yard.body()["model"])


async def test_a_whole_answer(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, yard: Yard
) -> None:
    upstream.says("Fine today.").counts(30, 7)
    answer = await client.chat.completions.create(model=model, messages=ASKED, max_tokens=50)
    assert answer.choices[0].message.content == "Fine today."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (30, 7)
    assert answer.model == model.removeprefix("own/")
    assert upstream.last.prompt == "How is the weather?"
    assert answer._request_id == yard.last.exchange.id


async def test_a_stream(client: AsyncOpenAI, model: str, upstream: ScriptedProvider) -> None:
    upstream.streams("Fine", " today", ".").counts(30, 7)
    stream = await client.chat.completions.create(
        model=model, messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    texts = [c.choices[0].delta.content for c in chunks if c.choices]
    assert "".join(text or "" for text in texts) == "Fine today."
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (30, 7)
    assert len({chunk.id for chunk in chunks}) == 1


async def test_no_usage_comes_unasked(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.streams("Fine", " today", ".")
    stream = await client.chat.completions.create(model=model, messages=ASKED, stream=True)
    chunks = [chunk async for chunk in stream]
    assert all(chunk.choices for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"


async def test_tools_in_parallel(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.calls_tool("weather", {"city": "Zürich"}, text="Let me look.")
    upstream.and_calls("weather", {"city": "Köln"})
    answer = await client.chat.completions.create(model=model, messages=ASKED, tools=[WEATHER])
    calls: Any = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [(c.function.name, json.loads(c.function.arguments)["city"]) for c in calls] == [
        ("weather", "Zürich"),
        ("weather", "Köln"),
    ]
    assert len({call.id for call in calls}) == 2
    assert json.dumps(upstream.last.fields["tools"]).count('"weather"') == 1


async def test_tools_in_a_stream(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.calls_tool("weather", {"city": "Zürich"}, text="Let me look.")
    upstream.and_calls("weather", {"city": "Köln"})
    asked = client.chat.completions.stream(model=model, messages=ASKED, tools=[WEATHER])
    async with asked as stream:
        answer = await stream.get_final_completion()
    message = answer.choices[0].message
    assert message.content == "Let me look."
    calls = message.tool_calls or []
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Zürich", "Köln"]


async def test_the_results_of_tools_go_back(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("It rains.")
    call = {"id": "call_1", "type": "function"}
    call |= {"function": {"name": "weather", "arguments": '{"city":"Köln"}'}}  # type: ignore[dict-item]  # a value of its own shape
    told: Any = [
        *ASKED,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain, 9 degrees"},
    ]
    answer = await client.chat.completions.create(model=model, messages=told, tools=[WEATHER])
    assert answer.choices[0].message.content == "It rains."
    sent = json.dumps(upstream.last.fields["messages"])
    assert "rain, 9 degrees" in sent
    assert sent.count("call_1") == 2


async def test_structured_output(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says('{"city":"Köln","degrees":9}')
    answer = await client.chat.completions.parse(
        model=model, messages=ASKED, response_format=Forecast
    )
    assert answer.choices[0].message.parsed == Forecast(city="Köln", degrees=9)
    assert "degrees" in json.dumps(upstream.last.fields)


async def test_an_image(client: AsyncOpenAI, model: str, upstream: ScriptedProvider) -> None:
    upstream.says("A dot.")
    content: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PNG}},
    ]
    answer = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": content}]
    )
    assert answer.choices[0].message.content == "A dot."
    assert "iVBORw0KGgo=" in json.dumps(upstream.last.fields["messages"])


ERRORS: list[tuple[int, type[openai.APIStatusError], int]] = [
    (400, openai.BadRequestError, 1),
    (401, openai.InternalServerError, 1),
    (404, openai.NotFoundError, 1),
    (429, openai.RateLimitError, 3),
    (500, openai.InternalServerError, 3),
    (529, openai.InternalServerError, 3),
]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("status", "error", "requests"), ERRORS)
async def test_s18_errors_have_their_class_and_only_some_are_tried_again(
    client: AsyncOpenAI,
    model: str,
    upstream: ScriptedProvider,
    status: int,
    error: type[openai.APIStatusError],
    requests: int,
    streamed: bool,
) -> None:
    upstream.fails(status, "Told to fail.", times=10)
    with pytest.raises(error) as raised:
        await client.chat.completions.create(
            model=model,
            messages=ASKED,
            stream=streamed,
        )
    assert len(upstream.requests) == requests
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["message"]


async def test_a_wrong_key_is_an_authentication_error(yard: Yard, model: str) -> None:
    await yard.open()
    async with Impatient(base_url=yard.url + "/v1", api_key="sk-sy-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            await client.chat.completions.create(model=model, messages=ASKED)
    assert raised.value.code == "invalid_api_key"
    assert "Incorrect API key provided" in raised.value.message, "LiteLLM tells it by the words"


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await client.chat.completions.create(model="nobody-serves-this", messages=ASKED)
    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"


async def test_a_stream_that_is_cut_raises(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider
) -> None:
    upstream.streams("Fine", " today", ".").cuts_after("first_content")
    texts: list[str] = []
    stream = await client.chat.completions.create(model=model, messages=ASKED, stream=True)

    async def read() -> None:
        async for chunk in stream:
            texts.append(chunk.choices[0].delta.content or "")  # noqa: PERF401  kept when it raises

    with pytest.raises(openai.APIError):
        await read()
    assert "".join(texts) == "Fine"
    assert len(upstream.requests) == 1


async def test_a_client_that_cancels_closes_the_provider(
    client: AsyncOpenAI, model: str, upstream: ScriptedProvider, yard: Yard
) -> None:
    upstream.streams("Fine", " today", ".").stalls_after("first_content")
    stream = await client.chat.completions.create(model=model, messages=ASKED, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    assert await upstream.closed_by_client()
    assert await yard.ended(1)
    assert yard.last.abandoned


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    ids = [model.id async for model in client.models.list()]
    assert "mock" in ids
    assert (await client.models.retrieve("mock")).id == "mock"


async def test_a_base_url_without_its_version_works(
    yard: Yard, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("Fine today.")
    await yard.open()
    async with Impatient(base_url=yard.url, api_key=yard.key) as client:
        answer = await client.chat.completions.create(model=model, messages=ASKED)
    assert answer.choices[0].message.content == "Fine today."


async def test_many_at_once(client: AsyncOpenAI, model: str, upstream: ScriptedProvider) -> None:
    upstream.says("Fine today.")
    answers = await asyncio.gather(
        *(client.chat.completions.create(model=model, messages=ASKED) for _ in range(20))
    )
    assert {answer.choices[0].message.content for answer in answers} == {"Fine today."}


async def test_the_mock_answers_without_an_account(yard: Yard) -> None:
    await yard.open()
    async with Impatient(base_url=yard.url + "/v1", api_key=yard.key) as client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=ASKED)
        text = answer.choices[0].message.content or ""
        assert text.endswith("How is the weather?")
        stream = await client.chat.completions.create(model="gpt-4o", messages=ASKED, stream=True)
        pieces = [c.choices[0].delta.content or "" async for c in stream]
    assert "".join(pieces) == text
