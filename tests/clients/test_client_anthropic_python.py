"""The official Anthropic library for Python against the gateway, whoever answers behind it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

ASKED: Any = [{"role": "user", "content": "How is the weather?"}]
WEATHER: Any = {
    "name": "weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class Impatient(AsyncAnthropic):
    """Does not wait before it tries again."""

    def _calculate_retry_timeout(self, *args: Any, **kwargs: Any) -> float:
        return 0.0


KINDS: dict[str, dict[str, str]] = {"own": {"kind": "ollama.chat"}}
"""Settings of those that the catalog does not have."""


@pytest.fixture(params=["anthropic", "openai", "cohere", "own"])
def upstream(yard: Yard, request: pytest.FixtureRequest) -> ScriptedProvider:
    """The provider behind the gateway: of the client's dialect, and of others."""
    return yard.provider(request.param, **KINDS.get(request.param, {}))


@pytest.fixture
async def client(yard: Yard, upstream: ScriptedProvider) -> AsyncIterator[AsyncAnthropic]:
    await yard.open()
    async with Impatient(base_url=yard.url, api_key=yard.key) as client:
        yield client


@pytest.fixture
def model(yard: Yard, upstream: ScriptedProvider) -> str:
    return str(yard.body()["model"])


async def test_a_whole_answer(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider, yard: Yard
) -> None:
    upstream.says("Fine today.").counts(30, 7)
    answer = await client.messages.create(
        model=model, messages=ASKED, max_tokens=50, system="Be brief."
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["Fine today."]
    assert answer.stop_reason == "end_turn"
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (30, 7)
    assert answer.model == model.removeprefix("own/")
    assert "Be brief." in json.dumps(upstream.last.fields)
    assert answer._request_id == yard.last.exchange.id


async def test_a_stream(client: AsyncAnthropic, model: str, upstream: ScriptedProvider) -> None:
    upstream.streams("Fine", " today", ".").counts(30, 7)
    async with client.messages.stream(model=model, messages=ASKED, max_tokens=50) as stream:
        pieces = [text async for text in stream.text_stream]
        answer = await stream.get_final_message()
    assert pieces == ["Fine", " today", "."]
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 7
    assert answer.model == model.removeprefix("own/")


async def test_thinking(client: AsyncAnthropic, model: str, upstream: ScriptedProvider) -> None:
    upstream.streams("Fine.").thinks("A city, ", "so a tool.")
    async with client.messages.stream(model=model, messages=ASKED, max_tokens=50) as stream:
        answer = await stream.get_final_message()
    thoughts = [block.thinking for block in answer.content if block.type == "thinking"]
    assert thoughts == ["A city, so a tool."]
    assert [block.type for block in answer.content] == ["thinking", "text"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_tools_in_parallel(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider, streamed: bool
) -> None:
    upstream.calls_tool("weather", {"city": "Zürich"}, text="Let me look.")
    upstream.and_calls("weather", {"city": "Köln"})
    asked: Any = {"model": model, "messages": ASKED, "max_tokens": 50, "tools": [WEATHER]}
    if streamed:
        async with client.messages.stream(**asked) as stream:
            answer = await stream.get_final_message()
    else:
        answer = await client.messages.create(**asked)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert answer.stop_reason == "tool_use"
    assert [call.input for call in calls] == [{"city": "Zürich"}, {"city": "Köln"}]
    assert len({call.id for call in calls}) == 2


async def test_the_results_of_tools_go_back(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider
) -> None:
    upstream.says("It rains.")
    use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain, 9 degrees"}
    told: Any = [
        *ASKED,
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    answer = await client.messages.create(
        model=model, messages=told, max_tokens=50, tools=[WEATHER]
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["It rains."]
    sent = json.dumps(upstream.last.fields["messages"])
    assert "rain, 9 degrees" in sent
    assert sent.count("toolu_1") == 2


async def test_an_image(client: AsyncAnthropic, model: str, upstream: ScriptedProvider) -> None:
    upstream.says("A dot.")
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    answer = await client.messages.create(
        model=model, messages=[{"role": "user", "content": content}], max_tokens=50
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["A dot."]
    assert "iVBORw0KGgo=" in json.dumps(upstream.last.fields["messages"])


ERRORS: list[tuple[int, type[anthropic.APIStatusError], int]] = [
    (400, anthropic.BadRequestError, 1),
    (401, anthropic.InternalServerError, 1),
    (404, anthropic.NotFoundError, 1),
    (429, anthropic.RateLimitError, 3),
    (500, anthropic.InternalServerError, 3),
    (529, anthropic.InternalServerError, 3),
]


@pytest.mark.parametrize(("status", "error", "requests"), ERRORS)
async def test_s18_errors_have_their_class_and_only_some_are_tried_again(
    client: AsyncAnthropic,
    model: str,
    upstream: ScriptedProvider,
    status: int,
    error: type[anthropic.APIStatusError],
    requests: int,
) -> None:
    upstream.fails(status, "Told to fail.", times=10)
    with pytest.raises(error) as raised:
        await client.messages.create(model=model, messages=ASKED, max_tokens=50)
    assert len(upstream.requests) == requests
    assert isinstance(raised.value.body, dict)
    assert raised.value.body["type"] == "error"
    assert raised.value.body["error"]["message"]
    assert raised.value.request_id == raised.value.body["request_id"]


async def test_an_overload_keeps_its_own_status(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider
) -> None:
    upstream.fails(529, times=10)
    with pytest.raises(anthropic.APIStatusError) as raised:
        await client.messages.create(model=model, messages=ASKED, max_tokens=50)
    assert raised.value.status_code == 529


async def test_a_wrong_key_is_an_authentication_error(yard: Yard, model: str) -> None:
    await yard.open()
    async with Impatient(base_url=yard.url, api_key="sk-sy-wrong") as client:
        with pytest.raises(anthropic.AuthenticationError) as raised:
            await client.messages.create(model=model, messages=ASKED, max_tokens=50)
    assert raised.value.request_id


async def test_a_provider_that_wants_no_other_try_gets_none(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider
) -> None:
    hopeless = {"content-type": "application/json", "x-should-retry": "false"}
    upstream.sends(500, hopeless, b"{}")
    with pytest.raises(anthropic.InternalServerError):
        await client.messages.create(model=model, messages=ASKED, max_tokens=50)
    assert len(upstream.requests) == 1


async def test_a_stream_that_is_cut_raises(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider
) -> None:
    upstream.streams("Fine", " today", ".").cuts_after("first_content")
    texts: list[str] = []

    async def read() -> None:
        async with client.messages.stream(model=model, messages=ASKED, max_tokens=50) as stream:
            async for text in stream.text_stream:
                texts.append(text)  # noqa: PERF401  kept when it raises

    with pytest.raises(anthropic.APIStatusError):
        await read()
    assert texts == ["Fine"]
    assert len(upstream.requests) == 1


async def test_a_client_that_cancels_closes_the_provider(
    client: AsyncAnthropic, model: str, upstream: ScriptedProvider, yard: Yard
) -> None:
    upstream.streams("Fine", " today", ".").stalls_after("first_content")
    async with client.messages.stream(model=model, messages=ASKED, max_tokens=50) as stream:
        async for _text in stream.text_stream:
            break
    assert await upstream.closed_by_client()
    assert await yard.ended(1)
    assert yard.last.abandoned


async def test_models_are_listed(client: AsyncAnthropic) -> None:
    assert "mock" in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve("mock")).type == "model"


@pytest.mark.parametrize("base", ["/v1", "/anthropic"])
async def test_other_base_urls_work(yard: Yard, base: str) -> None:
    yard.provider("anthropic").says("Fine today.")
    await yard.open()
    async with Impatient(base_url=yard.url + base, api_key=yard.key) as client:
        answer = await client.messages.create(model="claude-x", messages=ASKED, max_tokens=50)
    assert [block.text for block in answer.content if block.type == "text"] == ["Fine today."]


async def test_the_mock_answers_without_an_account(yard: Yard) -> None:
    await yard.open()
    async with Impatient(base_url=yard.url, api_key=yard.key) as client:
        answer = await client.messages.create(model="claude-x", messages=ASKED, max_tokens=500)
        (block,) = answer.content
        assert block.type == "text"
        assert block.text.endswith("How is the weather?")
        asked = client.messages.stream(model="claude-x", messages=ASKED, max_tokens=500)
        async with asked as stream:
            assert await stream.get_final_text() == block.text
