"""Google's own SDK for Python as the client, unchanged but for its base URL and key."""

import json
import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from stockyard.testing.yard import Yard

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    genai = pytest.importorskip("google.genai")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PROVIDERS = [("openai", "openai/gpt-4o"), ("anthropic", "claude-sonnet-4-5")]
both = pytest.mark.parametrize(("provider", "model"), PROVIDERS)
CONFIG = {
    "system_instruction": "Be brief.",
    "max_output_tokens": 50,
    "tools": [
        {
            "function_declarations": [
                {
                    "name": "weather",
                    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
                }
            ]
        }
    ],
}


@pytest.fixture
async def closing(yard: Yard) -> AsyncIterator[AsyncExitStack]:
    """Closes the clients of a test before the server they are connected to."""
    async with AsyncExitStack() as stack:
        yield stack


async def client_of(yard: Yard, closing: AsyncExitStack, version: str = "v1beta") -> Any:
    await yard.open()
    options = {"base_url": yard.url, "api_version": version, "retry_options": {"attempts": 1}}
    client = genai.Client(api_key=yard.key, http_options=options)
    closing.callback(client.close)
    return await closing.enter_async_context(client.aio)


async def models_of(yard: Yard, closing: AsyncExitStack, version: str = "v1beta") -> Any:
    return (await client_of(yard, closing, version)).models


@both
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_a_whole_answer(
    yard: Yard, closing: AsyncExitStack, provider: str, model: str, version: str
) -> None:
    scripted = yard.provider(provider).says("hello there")
    models = await models_of(yard, closing, version)

    answer = await models.generate_content(model=model, contents="hi", config=CONFIG)

    assert answer.text == "hello there"
    assert answer.candidates[0].finish_reason == "STOP"
    assert answer.usage_metadata.total_token_count == 21
    assert scripted.last.prompt == "hi"


@both
async def test_a_stream(yard: Yard, closing: AsyncExitStack, provider: str, model: str) -> None:
    yard.provider(provider).streams("hel", "lo")
    models = await models_of(yard, closing)

    stream = await models.generate_content_stream(model=model, contents="hi")
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.text or "" for chunk in chunks) == "hello"
    assert chunks[-1].candidates[0].finish_reason == "STOP"
    assert chunks[-1].usage_metadata.total_token_count == 21


@both
async def test_a_tool_is_called_and_answered(
    yard: Yard, closing: AsyncExitStack, provider: str, model: str
) -> None:
    scripted = yard.provider(provider).calls_tool("weather", {"city": "Rome"}).says("Sunny.")
    models = await models_of(yard, closing)
    asked = {"role": "user", "parts": [{"text": "Weather?"}]}

    answer = await models.generate_content(model=model, contents=[asked], config=CONFIG)
    (call,) = answer.function_calls
    result = {"name": call.name, "response": {"result": "sun"}}
    turns = [
        asked,
        answer.candidates[0].content,
        {"role": "user", "parts": [{"function_response": result}]},
    ]
    last = await models.generate_content(model=model, contents=turns, config=CONFIG)

    assert (call.name, call.args, last.text) == ("weather", {"city": "Rome"}, "Sunny.")
    assert '{"result":"sun"}' in str(scripted.last.json)
    assert str(scripted.last.json).count(call.id) == 2


@both
async def test_a_chat_goes_on_after_calls_that_were_streamed(
    yard: Yard, closing: AsyncExitStack, provider: str, model: str
) -> None:
    """The SDK remembers one content for each event; others want all calls in one message."""
    scripted = yard.provider(provider).calls_tool("weather", {"city": "Rome"})
    scripted.and_calls("weather", {"city": "Oslo"}).streams("Sun", " and snow.")
    chat = (await client_of(yard, closing)).chats.create(model=model, config=CONFIG)

    calls = [
        call
        async for chunk in await chat.send_message_stream("Weather?")
        for call in chunk.function_calls or ()
    ]
    results = [
        genai.types.Part(
            function_response=genai.types.FunctionResponse(
                id=call.id, name=call.name, response={"city": call.args["city"]}
            )
        )
        for call in calls
    ]
    said = [chunk.text async for chunk in await chat.send_message_stream(results)]

    assert "".join(text or "" for text in said) == "Sun and snow."
    # A message of the user, one of the model, and the results.
    turns = [m for m in scripted.last.json["messages"] if m["role"] not in ("system", "developer")]
    assert [m["role"] for m in turns[:2]] == ["user", "assistant"]
    assert all(m["role"] in ("tool", "user") for m in turns[2:])
    assert all(str(turns).count(call.id) == 2 for call in calls)


async def test_sources_of_others_are_told(yard: Yard, closing: AsyncExitStack) -> None:
    citation = {
        "type": "web_search_result_location",
        "url": "https://example.com/",
        "title": "Weather",
        "cited_text": "rain",
        "encrypted_index": "e",
    }
    whole = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "It rains.", "citations": [citation]}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    yard.provider("anthropic").sends(
        200, {"content-type": "application/json"}, json.dumps(whole).encode()
    )
    models = await models_of(yard, closing)

    answer = await models.generate_content(model="claude-sonnet-4-5", contents="hi")

    grounding = answer.candidates[0].grounding_metadata
    assert grounding.grounding_chunks[0].web.uri == citation["url"]
    assert grounding.grounding_supports[0].segment.text == "It rains."


async def test_errors_raise(yard: Yard, closing: AsyncExitStack) -> None:
    yard.provider("openai").fails(429, "Slow down.").streams("hel", "lo").cuts_after(2)
    models = await models_of(yard, closing)

    with pytest.raises(genai.errors.ClientError) as limited:
        await models.generate_content(model="openai/gpt-4o", contents="hi")
    with pytest.raises(genai.errors.ServerError) as cut:
        async for _ in await models.generate_content_stream(model="openai/gpt-4o", contents="hi"):
            pass

    assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert (cut.value.code, cut.value.status) == (503, "UNAVAILABLE")


async def test_the_models_are_listed(yard: Yard, closing: AsyncExitStack) -> None:
    models = await models_of(yard, closing)

    everything = [model.name async for model in await models.list()]
    paged = await models.list(config={"page_size": 2})

    assert "models/mock" in everything
    assert [model.name async for model in paged] == everything
    assert (await models.get(model="mock")).name == "models/mock"
