"""Ollama's own library for Python as the client, unchanged but for its host and key."""

from collections.abc import AsyncIterator
from typing import Any

import ollama
import pytest

from stockyard.testing.yard import Yard

PROVIDERS = ["openai/gpt-4o", "claude-sonnet-4-5", "llama3.2"]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
every = pytest.mark.parametrize("model", PROVIDERS)


@pytest.fixture
async def client(yard: Yard) -> AsyncIterator[ollama.AsyncClient]:
    for name in ("openai", "anthropic", "ollama"):
        yard.provider(name)
    await yard.open()
    host = yard.url + "/ollama"
    async with ollama.AsyncClient(host, headers=yard.headers) as client:
        yield client


def provider_of(yard: Yard, model: str) -> Any:
    return yard.provider({"claude": "anthropic", "llama3": "ollama"}.get(model[:6], "openai"))


@every
async def test_a_whole_answer(yard: Yard, client: ollama.AsyncClient, model: str) -> None:
    scripted = provider_of(yard, model).says("hello there").counts(30, 7)

    options = {"temperature": 0.5, "num_predict": 50}
    answer = await client.chat(model=model, messages=ASKED, options=options)

    assert answer.message.content == "hello there"
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (30, 7)
    assert scripted.last.prompt == "hi"


@every
async def test_a_stream(yard: Yard, client: ollama.AsyncClient, model: str) -> None:
    provider_of(yard, model).streams("hel", "lo").thinks("Hm.")

    stream = await client.chat(model=model, messages=ASKED, stream=True, think=True)
    parts = [part async for part in stream]

    assert "".join(part.message.content or "" for part in parts) == "hello"
    assert "".join(part.message.thinking or "" for part in parts) == "Hm."
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[-1].eval_count == 12


@every
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_tool_is_called_and_answered(
    yard: Yard, client: ollama.AsyncClient, model: str, streamed: bool
) -> None:
    provider_of(yard, model).calls_tool("weather", {"city": "Rome"}).says("Sunny.")

    if streamed:
        stream = await client.chat(model=model, messages=ASKED, tools=[WEATHER], stream=True)
        called = [c async for part in stream for c in part.message.tool_calls or ()]
    else:
        answer = await client.chat(model=model, messages=ASKED, tools=[WEATHER])
        called = list(answer.message.tool_calls or ())
    turns: Any = [
        *ASKED,
        {"role": "assistant", "content": "", "tool_calls": called},
        {"role": "tool", "tool_name": "weather", "content": "sun"},
    ]
    last = await client.chat(model=model, messages=turns, tools=[WEATHER])

    assert [(c.function.name, c.function.arguments) for c in called] == [
        ("weather", {"city": "Rome"})
    ]
    assert last.message.content == "Sunny."


@every
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_single_prompt(
    yard: Yard, client: ollama.AsyncClient, model: str, streamed: bool
) -> None:
    provider_of(yard, model).says("hello there")

    if streamed:
        stream = await client.generate(model=model, prompt="hi", stream=True)
        said = "".join([part.response or "" async for part in stream])
    else:
        said = (await client.generate(model=model, prompt="hi", system="Be brief.")).response or ""

    assert said == "hello there"


@every
async def test_errors_raise(yard: Yard, client: ollama.AsyncClient, model: str) -> None:
    provider_of(yard, model).fails(429, "Slow down.").streams("hel", "lo").cuts_after(1)

    with pytest.raises(ollama.ResponseError) as limited:
        await client.chat(model=model, messages=ASKED)
    with pytest.raises(ollama.ResponseError) as cut:
        async for _ in await client.chat(model=model, messages=ASKED, stream=True):
            pass

    assert (limited.value.status_code, limited.value.error) == (429, "Slow down.")
    assert cut.value.error


@every
async def test_what_came_before_a_cut_is_there(
    yard: Yard, client: ollama.AsyncClient, model: str
) -> None:
    provider_of(yard, model).streams("hel", "lo", "!").cuts_after("first_content")
    said: list[str] = []

    async def read() -> None:
        stream = await client.chat(model=model, messages=ASKED, stream=True)
        async for part in stream:
            said.append(part.message.content or "")  # noqa: PERF401  kept when it raises

    with pytest.raises(ollama.ResponseError):
        await read()

    assert said == ["hel"]


async def test_a_schema_is_kept(yard: Yard, client: ollama.AsyncClient) -> None:
    schema: Any = {"type": "object", "properties": {"city": {"type": "string"}}}
    scripted = yard.provider("openai").says('{"city":"Rome"}')

    await client.chat(model="openai/gpt-4o", messages=ASKED, format=schema)

    assert scripted.last.fields["response_format"]["json_schema"]["schema"] == schema


async def test_models_are_listed_and_described(yard: Yard, client: ollama.AsyncClient) -> None:
    listed = await client.list()
    shown = await client.show("claude-sonnet-4-5")

    assert "mock" in [model.model for model in listed.models]
    assert "completion" in (shown.capabilities or ())


async def test_a_wrong_key_raises(yard: Yard, client: ollama.AsyncClient) -> None:
    wrong = {"authorization": "Bearer sk-sy-wrong"}
    async with ollama.AsyncClient(yard.url + "/ollama", headers=wrong) as stranger:
        with pytest.raises(ollama.ResponseError) as refused:
            await stranger.chat(model="mock", messages=ASKED)

    assert refused.value.status_code == 401


async def test_the_mock_answers(client: ollama.AsyncClient) -> None:
    answer = await client.chat(model="mock", messages=ASKED)

    assert answer.message.content
