"""Cohere's own library for Python as the client, unchanged but for its base URL and key."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import cohere
import httpx
import pytest
from cohere.core import ApiError
from cohere.core.request_options import RequestOptions

from stockyard.testing.yard import Yard

PROVIDERS = ["openai/gpt-4o", "claude-sonnet-4-5", "command-scripted"]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
ONCE: RequestOptions = {"max_retries": 0}
every = pytest.mark.parametrize("model", PROVIDERS)


Clients = Callable[..., cohere.AsyncClientV2]


@pytest.fixture
async def client_of(yard: Yard) -> AsyncIterator[Clients]:
    """Makes clients of a yard that is open. The library leaves connections open at its end."""
    async with httpx.AsyncClient() as http:

        def client(key: str = "", path: str = "") -> cohere.AsyncClientV2:
            url = yard.url + path
            return cohere.AsyncClientV2(api_key=key or yard.key, base_url=url, httpx_client=http)

        yield client


def provider_of(yard: Yard, model: str) -> Any:
    name = {"claude": "anthropic", "comman": "cohere"}.get(model[:6], "openai")
    return yard.provider(name)


@every
async def test_a_whole_answer(yard: Yard, client_of: Clients, model: str) -> None:
    provider_of(yard, model).says("hello there").counts(30, 7)
    await yard.open()
    client = client_of()

    answer: Any = await client.chat(model=model, messages=ASKED, max_tokens=50)

    assert answer.finish_reason == "COMPLETE"
    assert [(c.type, c.text) for c in answer.message.content] == [("text", "hello there")]
    assert (answer.usage.tokens.input_tokens, answer.usage.tokens.output_tokens) == (30, 7)


@every
async def test_a_stream(yard: Yard, client_of: Clients, model: str) -> None:
    provider_of(yard, model).streams("hel", "lo").thinks("Hm.")
    await yard.open()
    client = client_of()

    events: list[Any] = [e async for e in client.chat_stream(model=model, messages=ASKED)]

    contents = [e.delta.message.content for e in events if e.type == "content-delta"]
    assert "".join(content.text or "" for content in contents) == "hello"
    assert "".join(content.thinking or "" for content in contents) == "Hm."
    assert events[0].type == "message-start"
    assert events[0].id
    assert events[-1].type == "message-end"
    assert events[-1].delta.finish_reason == "COMPLETE"
    assert events[-1].delta.usage.tokens.output_tokens == 12


@every
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_tool_is_called_and_answered(
    yard: Yard, client_of: Clients, model: str, streamed: bool
) -> None:
    scripted = provider_of(yard, model).calls_tool("weather", {"city": "Rome"}).says("Sunny.")
    await yard.open()
    client = client_of()

    if streamed:
        call_id, arguments = "", ""
        async for event in client.chat_stream(model=model, messages=ASKED, tools=[WEATHER]):
            said: Any = event
            if said.type == "tool-call-start":
                call_id = said.delta.message.tool_calls.id
            elif said.type == "tool-call-delta":
                arguments += said.delta.message.tool_calls.function.arguments
    else:
        answer: Any = await client.chat(model=model, messages=ASKED, tools=[WEATHER])
        (call,) = answer.message.tool_calls
        call_id, arguments = call.id, call.function.arguments
        assert answer.finish_reason == "TOOL_CALL"
    function = {"name": "weather", "arguments": arguments}
    turns: Any = [
        *ASKED,
        {
            "role": "assistant",
            "tool_calls": [{"id": call_id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": "sun"},
    ]
    last: Any = await client.chat(model=model, messages=turns, tools=[WEATHER])

    assert json.loads(arguments) == {"city": "Rome"}
    assert last.message.content[0].text == "Sunny."
    assert str(scripted.last.json).count(call_id) == 2


@every
async def test_errors_raise(yard: Yard, client_of: Clients, model: str) -> None:
    provider_of(yard, model).fails(429, "Slow down.")
    await yard.open()
    client = client_of()

    with pytest.raises(cohere.TooManyRequestsError) as limited:
        await client.chat(model=model, messages=ASKED, request_options=ONCE)
    with pytest.raises(cohere.NotFoundError):
        await client.chat(model="nobody", messages=ASKED, request_options=ONCE)
    with pytest.raises(cohere.TooManyRequestsError):
        async for _ in client.chat_stream(model=model, messages=ASKED, request_options=ONCE):
            pass

    assert limited.value.body["message"] == "Slow down."


@every
async def test_a_stream_that_is_cut_ends_with_an_error(
    yard: Yard, client_of: Clients, model: str
) -> None:
    provider_of(yard, model).streams("hel", "lo").cuts_after("first_content")
    await yard.open()
    client = client_of()

    events: list[Any] = [e async for e in client.chat_stream(model=model, messages=ASKED)]

    assert events[-1].type == "message-end"
    assert events[-1].delta.finish_reason == "ERROR"
    assert events[-1].delta.error


async def test_a_wrong_key_is_unauthorized(yard: Yard, client_of: Clients) -> None:
    await yard.open()
    client = client_of("sk-sy-wrong")

    with pytest.raises(cohere.UnauthorizedError):
        await client.chat(model="mock", messages=ASKED, request_options=ONCE)


async def test_its_own_route_takes_it_to_its_provider_only(yard: Yard, client_of: Clients) -> None:
    scripted = yard.provider("cohere").says("hello").fails(404, "no such model")
    await yard.open()
    client = client_of(path="/cohere")

    answer: Any = await client.chat(model="some-model", messages=ASKED)
    with pytest.raises(ApiError) as unknown:
        await client.chat(model="gpt-4o", messages=ASKED, request_options=ONCE)

    assert answer.message.content[0].text == "hello"
    assert unknown.value.body["message"] == "no such model"
    assert scripted.last.path == "/v2/chat"


async def test_the_mock_answers(yard: Yard, client_of: Clients) -> None:
    await yard.open()
    client = client_of()

    answer: Any = await client.chat(model="mock", messages=ASKED)
    events: list[Any] = [e async for e in client.chat_stream(model="mock", messages=ASKED)]

    assert answer.message.content[0].text
    assert events[-1].delta.finish_reason == "COMPLETE"


async def test_models_are_listed_in_its_dialect(yard: Yard, client_of: Clients) -> None:
    yard.provider("cohere")
    yard.provider("openai")
    await yard.open()
    client = client_of()

    listed = await client.models.list()
    names = [model.name for model in listed.models]
    assert "command-a-03-2025" in names
    assert listed.next_page_token is None

    embedding = await client.models.list(endpoint="embed")
    assert embedding.models
    assert {tuple(model.endpoints or ()) for model in embedding.models} == {("embed",)}
    assert (await client.models.list(endpoint="classify")).models == []

    first = await client.models.list(page_size=3)
    rest = await client.models.list(page_size=1000, page_token=first.next_page_token)
    assert [model.name for model in first.models + rest.models] == names

    found = await client.models.get("command-a-03-2025")
    assert (found.name, found.endpoints) == ("command-a-03-2025", ["chat"])
    assert found.context_length
