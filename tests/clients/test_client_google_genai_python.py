"""Google's own SDK for Python as the client, unchanged but for its base URL and key."""

import warnings
from typing import Any

import pytest

from stockyard.testing.yard import Yard

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    genai = pytest.importorskip("google.genai")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

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


async def models_of(yard: Yard, version: str = "v1beta") -> Any:
    await yard.open()
    options = {"base_url": yard.url, "api_version": version, "retry_options": {"attempts": 1}}
    return genai.Client(api_key=yard.key, http_options=options).aio.models


@both
@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_a_whole_answer(yard: Yard, provider: str, model: str, version: str) -> None:
    scripted = yard.provider(provider).says("hello there")
    models = await models_of(yard, version)

    answer = await models.generate_content(model=model, contents="hi", config=CONFIG)

    assert answer.text == "hello there"
    assert answer.candidates[0].finish_reason == "STOP"
    assert answer.usage_metadata.total_token_count == 21
    assert scripted.last.prompt == "hi"


@both
async def test_a_stream(yard: Yard, provider: str, model: str) -> None:
    yard.provider(provider).streams("hel", "lo")
    models = await models_of(yard)

    stream = await models.generate_content_stream(model=model, contents="hi")
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.text or "" for chunk in chunks) == "hello"
    assert chunks[-1].candidates[0].finish_reason == "STOP"
    assert chunks[-1].usage_metadata.total_token_count == 21


@both
async def test_a_tool_is_called_and_answered(yard: Yard, provider: str, model: str) -> None:
    scripted = yard.provider(provider).calls_tool("weather", {"city": "Rome"}).says("Sunny.")
    models = await models_of(yard)
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


async def test_errors_raise(yard: Yard) -> None:
    yard.provider("openai").fails(429, "Slow down.").streams("hel", "lo").cuts_after(2)
    models = await models_of(yard)

    with pytest.raises(genai.errors.ClientError) as limited:
        await models.generate_content(model="openai/gpt-4o", contents="hi")
    with pytest.raises(genai.errors.ServerError) as cut:
        async for _ in await models.generate_content_stream(model="openai/gpt-4o", contents="hi"):
            pass

    assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert (cut.value.code, cut.value.status) == (503, "UNAVAILABLE")


async def test_the_models_are_listed(yard: Yard) -> None:
    models = await models_of(yard)

    assert "models/mock" in [model.name async for model in await models.list()]
