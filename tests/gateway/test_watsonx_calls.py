"""Calls to watsonx: OpenAI's chats, in bodies and on paths of its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.heard import Heard
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
TOOL = {
    "type": "function",
    "function": {"name": "weather", "strict": True, "parameters": {"type": "object"}},
}
CALLED = {
    "id": "chatcmpl-tool-1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
}
USAGE = {"completion_tokens": 4, "prompt_tokens": 9, "total_tokens": 13}


def answer(message: dict[str, Any], finish: str) -> bytes:
    """As the service gives it: two names for the model, and what it wants to warn of."""
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model_id": "ibm/granite-4-h-small",
            "model": "ibm/granite-4-h-small",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "created": 1762000000,
            "model_version": "4.0.0",
            "created_at": "2026-01-02T03:04:05.678Z",
            "usage": USAGE,
            "system": {"warnings": [{"message": "This model is provided by IBM."}]},
        }
    ).encode()


def stream(*deltas: tuple[dict[str, Any], str | None]) -> bytes:
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        for delta, finish in deltas
    ]
    chunks.append({"choices": [], "usage": USAGE})
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model_id": "ibm/granite"}
    events = (
        f"id: {number}\nevent: message\ndata: {json.dumps(common | chunk)}\n\n"
        for number, chunk in enumerate(chunks, 1)
    )
    return "".join(events).encode()


@pytest.fixture
async def desk() -> AsyncIterator[ScriptedProvider]:
    """Who gives out tokens."""
    async with ScriptedProvider() as desk:
        yield desk.sends(200, JSON, b'{"access_token": "tok-1", "expires_in": 3599}')


@pytest.fixture
def watsonx(yard: Yard, desk: ScriptedProvider) -> ScriptedProvider:
    return yard.provider(
        "watsonx",
        settings={"project_id": "project-1"},
        token_url=desk.url + "/identity/token",
        api_key="key",
    )


async def test_a_chat_is_asked_in_the_words_of_watsonx(
    yard: Yard, watsonx: ScriptedProvider
) -> None:
    watsonx.sends(200, JSON, answer({"role": "assistant", "content": "hello"}, "stop"))
    said = await yard.chat(
        "hi", model="watsonx/ibm/granite-4-h-small", stop="END", max_tokens=9, user="u"
    )
    assert said.text == "hello"
    asked = watsonx.last
    assert asked.target == "/ml/v1/text/chat?version=2024-02-15"
    assert asked.headers["authorization"] == "Bearer tok-1"
    assert asked.json == {
        "model_id": "ibm/granite-4-h-small",
        "messages": [{"role": "user", "content": "hi"}],
        "stop": ["END"],
        "max_tokens": 9,
        "user": "u",
        "project_id": "project-1",
    }
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 4)


async def test_a_model_is_found_by_the_beginning_of_its_name(
    yard: Yard, watsonx: ScriptedProvider
) -> None:
    watsonx.sends(200, JSON, answer({"role": "assistant", "content": "hello"}, "stop"))
    assert (await yard.chat("hi", model="ibm/granite-4-h-small")).text == "hello"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", {"tool_choice_option": "required"}),
        ("none", {"tool_choice_option": "none"}),
        (
            {"type": "function", "function": {"name": "weather"}},
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        ),
    ],
)
async def test_tools_are_offered_without_what_it_refuses(
    yard: Yard, watsonx: ScriptedProvider, choice: Any, sent: dict[str, Any]
) -> None:
    message = {"role": "assistant", "content": "", "tool_calls": [CALLED]}
    watsonx.sends(200, JSON, answer(message, "tool_calls"))
    said = await yard.chat(
        "hi", model="watsonx/ibm/granite-4-h-small", tools=[TOOL], tool_choice=choice
    )
    assert [
        call["function"]["name"] for call in said.json["choices"][0]["message"]["tool_calls"]
    ] == ["weather"]
    asked = watsonx.last.json
    assert "strict" not in asked["tools"][0]["function"]
    assert {k: v for k, v in asked.items() if k.startswith("tool_choice")} == sent


@pytest.mark.parametrize("dialect", [Yard.chat, Yard.messages])
async def test_a_stream_is_asked_for_on_a_path_of_its_own(
    yard: Yard, watsonx: ScriptedProvider, dialect: Callable[..., Awaitable[Heard]]
) -> None:
    events = stream(
        ({"role": "assistant", "content": ""}, None),
        ({"content": "hel"}, None),
        ({"content": "lo"}, None),
        ({"content": ""}, "stop"),
    )
    watsonx.sends(200, SSE, events)
    said = await dialect(yard, "hi", model="watsonx/ibm/granite-4-h-small", stream=True)
    assert said.text == "hello"
    assert watsonx.last.target == "/ml/v1/text/chat_stream?version=2024-02-15"
    assert "stream" not in watsonx.last.json
    assert "stream_options" not in watsonx.last.json
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.usage.completion) == (9, 4)


async def test_the_caller_may_say_who_pays(yard: Yard, watsonx: ScriptedProvider) -> None:
    watsonx.sends(200, JSON, answer({"role": "assistant", "content": "hello"}, "stop"))
    await yard.chat("hi", model="watsonx/ibm/granite-4-h-small", space_id="space-1")
    assert watsonx.last.json["space_id"] == "space-1"
    assert "project_id" not in watsonx.last.json


async def test_errors_of_watsonx_are_told(yard: Yard, watsonx: ScriptedProvider) -> None:
    errors = [{"code": "model_not_supported", "message": "Model 'x' was not found."}]
    body = json.dumps({"errors": errors, "trace": "t", "status_code": 404}).encode()
    watsonx.sends(404, JSON, body)
    said = await yard.chat("hi", model="watsonx/x")
    assert said.status == 404
    assert said.error is not None
    assert "Model 'x' was not found." in said.error["message"]


@pytest.mark.parametrize("path", ["/ml/v1/text/chat", "/ml/v1/text/chat_stream"])
async def test_the_native_route_changes_nothing(
    yard: Yard, watsonx: ScriptedProvider, path: str
) -> None:
    watsonx.sends(200, JSON, b'{"choices": []}')
    body = {"model_id": "ibm/granite", "space_id": "s", "messages": [], "tool_choice": "auto"}
    await yard.call(f"/watsonx{path}", body)
    assert watsonx.last.target == f"{path}?version=2024-02-15"
    assert watsonx.last.json == body


@pytest.mark.parametrize("own", [{}, {"space_id": "space-1"}])
async def test_texts_are_embedded_for_who_pays(
    yard: Yard, watsonx: ScriptedProvider, own: dict[str, str]
) -> None:
    rows = [{"embedding": [0.5, -1.0]}, {"embedding": [0.25, 2.0]}]
    said = {"model_id": "ibm/slate", "results": rows, "input_token_count": 7}
    watsonx.sends(200, JSON, json.dumps(said).encode())
    body = {"model": "watsonx/ibm/slate", "input": ["one", "two"], "encoding_format": "float"}
    heard = await yard.call("/v1/embeddings", body)
    assert [row["embedding"] for row in heard.json["data"]] == [[0.5, -1.0], [0.25, 2.0]]
    assert heard.json["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    assert watsonx.last.target == "/ml/v1/text/embeddings?version=2024-02-15"
    assert watsonx.last.json == {
        "model_id": "ibm/slate",
        "inputs": ["one", "two"],
        "project_id": "project-1",
    }
    asked = {"model_id": "ibm/slate", "inputs": ["one"]} | own
    watsonx.sends(200, JSON, json.dumps(said).encode())
    native = await yard.call("/watsonx/ml/v1/text/embeddings?version=2024-02-15", asked)
    assert (native.json, watsonx.last.json) == (said, asked)
    assert yard.last.usage is not None
    assert (yard.last.usage.prompt, yard.last.exchange.request.model) == (7, "ibm/slate")


async def test_texts_are_ranked_for_who_pays(yard: Yard, watsonx: ScriptedProvider) -> None:
    rows = [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}]
    said = {"model_id": "ms/marco", "results": rows, "input_token_count": 7}
    watsonx.sends(200, JSON, json.dumps(said).encode())
    body = {"model": "watsonx/ms/marco", "query": "fox", "documents": ["a", "b"], "top_n": 2}
    heard = await yard.call("/v2/rerank", body)
    assert [row["index"] for row in heard.json["results"]] == [1, 0]
    assert watsonx.last.target == "/ml/v1/text/rerank?version=2024-02-15"
    assert watsonx.last.json == {
        "model_id": "ms/marco",
        "query": "fox",
        "inputs": [{"text": "a"}, {"text": "b"}],
        "parameters": {"return_options": {"top_n": 2}},
        "project_id": "project-1",
    }
