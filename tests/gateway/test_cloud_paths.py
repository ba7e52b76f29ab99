"""Clients in the mode of a cloud: their paths name the model, and any provider may answer."""

import json
from typing import Any

import pytest

from stockyard.gateway import endpoints
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.model_in_path import completed
from stockyard.testing.yard import Yard

MESSAGES_BODY: dict[str, Any] = {
    "anthropic_version": "vertex-2023-10-16",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hi"}],
}


def no_native(provider: str, rest: str, method: str) -> Endpoint | None:
    return None


def find(path: str, query: str = "") -> Endpoint | None:
    return endpoints.find(path, "POST", no_native, query)


PROJECT = "/projects/p-1/locations/us-central1"


@pytest.mark.parametrize("version", ["/v1", "/v1beta1"])
@pytest.mark.parametrize("place", ["", PROJECT])
@pytest.mark.parametrize(
    ("rest", "format_", "model", "stream"),
    [
        ("google/models/gemini-2.5-pro:generateContent", "gemini", "gemini-2.5-pro", False),
        ("google/models/g:streamGenerateContent", "gemini", "g", True),
        ("openai/models/gpt-4o:generateContent", "gemini", "openai/gpt-4o", False),
        ("anthropic/models/claude-x@1:rawPredict", "anthropic.messages", "claude-x@1", False),
        ("anthropic/models/claude-x:streamRawPredict", "anthropic.messages", "claude-x", True),
    ],
)
def test_a_publishers_model(
    version: str, place: str, rest: str, format_: str, model: str, stream: bool
) -> None:
    endpoint = find(f"{version}{place}/publishers/{rest}")
    assert endpoint is not None
    assert (endpoint.format, endpoint.model, endpoint.stream) == (format_, model, stream)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/publishers/meta/models/llama:rawPredict",
        "/v1/publishers/anthropic/models/count-tokens:rawPredict",
        "/v1/publishers/google/models/g:predict",
        "/v2/publishers/google/models/g:generateContent",
        "/v1/projects/p/publishers/google/models/g:generateContent",
        "/openai/deployments/d",
        "/openai/deployments/d/nothing",
        "/openai/nothing",
        "//openai/nothing",
        "///openai/deployments/d/chat/completions",
        "//openai//deployments/d/chat/completions",
        "/./openai/deployments/d/chat/completions",
    ],
)
def test_paths_that_are_not_served_are_not_known(path: str) -> None:
    assert find(path, "api-version=1") is None


@pytest.mark.parametrize(
    ("path", "query", "format_", "model"),
    [
        ("/openai/deployments/d-1/chat/completions", "api-version=1", "openai.chat", "d-1"),
        ("/openai/deployments/openai/gpt-4o/chat/completions", "", "openai.chat", "openai/gpt-4o"),
        ("/openai/deployments/a%2Fb/completions", "", "openai.completions", "a/b"),
        ("//openai/deployments/d-1/chat/completions", "api-version=1", "openai.chat", "d-1"),
        ("//openai/responses", "api-version=2025-04-01-preview", "openai.responses", ""),
        ("/openai/responses", "api-version=2025-04-01-preview", "openai.responses", ""),
        ("/openai/v1/responses", "api-version=preview", "openai.responses", ""),
        ("/openai/v1/chat/completions", "a=1&api-version=preview", "openai.chat", ""),
    ],
)
def test_a_client_that_takes_us_for_its_own_resource(
    path: str, query: str, format_: str, model: str
) -> None:
    endpoint = find(path, query)
    assert endpoint is not None
    assert endpoint.native is None
    assert (endpoint.format, endpoint.model) == (format_, model)


@pytest.mark.parametrize("path", ["/openai/responses", "/openai/v1/chat/completions"])
def test_a_path_without_a_version_in_its_query_is_the_native_route(path: str) -> None:
    assert find(path) is None


CALL = Endpoint("openai.chat", "chat", model="d", model_in_path=True)
STREAM = Endpoint("anthropic.messages", "chat", model="c", stream=True, model_in_path=True)


@pytest.mark.parametrize(
    ("endpoint", "body", "expected"),
    [
        (CALL, b'{ "model": "d", "n":1 }', b'{ "model": "d", "n":1 }'),
        (CALL, b'{ "n": 1.0 }', b'{"n":1.0,"model":"d"}'),
        (CALL, b'{"model": "other", "n":[ 1 ]}', b'{"model":"d","n":[ 1 ]}'),
        (STREAM, b'{"anthropic_version":"v","a":1}', b'{"a":1,"model":"c","stream":true}'),
        (STREAM, b'{"stream":false,"model":"c"}', b'{"stream":true,"model":"c"}'),
        (CALL, b"{}", b'{"model":"d"}'),
        # What cannot be understood is left for the codec to refuse.
        (CALL, b'{"n":1,"n":2}', b'{"n":1,"n":2}'),
        (CALL, b"[]", b"[]"),
        (CALL, b"", b""),
        (CALL, b"\xff", b"\xff"),
        (CALL, b"[" * 5000, b"[" * 5000),
    ],
)
def test_the_body_says_what_the_path_says(endpoint: Endpoint, body: bytes, expected: bytes) -> None:
    assert completed(body, endpoint) == expected


async def test_a_deployment_is_a_model_of_any_provider(yard: Yard) -> None:
    anthropic = yard.provider("anthropic").says("hello")
    path = "/openai/deployments/claude-sonnet-4-5/chat/completions?api-version=2024-10-21"
    body = {"model": "whatever", "messages": [{"role": "user", "content": "hi"}]}
    answer = await yard.call(path, body, headers={"api-key": yard.key})
    assert answer.text == "hello"
    assert anthropic.last.json["model"] == "claude-sonnet-4-5"
    assert anthropic.last.query == ""


async def test_the_callers_bytes_go_on_when_they_say_the_same(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    body = b'{ "model":"gpt-4o",  "messages":[{"role":"user","content":"hi"}] }'
    await yard.call("/openai/deployments/gpt-4o/chat/completions?api-version=1", body)
    assert openai.last.body == body


async def test_fields_that_a_cloud_leaves_out_are_added_for_the_maker_of_the_model(
    yard: Yard,
) -> None:
    anthropic = yard.provider("anthropic").streams("hel", "lo")
    path = f"/v1{PROJECT}/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict"
    answer = await yard.call(path, MESSAGES_BODY)
    assert answer.text == "hello"
    assert anthropic.last.json == {
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        "model": "claude-sonnet-4-5",
        "stream": True,
    }


async def test_chat_providers_answer_clients_of_a_cloud(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    path = f"/v1beta1{PROJECT}/publishers/google/models/gpt-4o:generateContent"
    answer = await yard.call(path, {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
    said = json.loads(answer.body)
    assert said["candidates"][0]["content"]["parts"] == [{"text": "hello"}]
    assert openai.last.prompt == "hi"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_a_call_that_names_its_model_nowhere_is_refused(yard: Yard, path: str) -> None:
    openai = yard.provider("openai").says("never")
    answer = await yard.call(path, {"messages": [{"role": "user", "content": "hi"}]})
    assert answer.status == 400
    assert "no 'model'" in answer.body.decode()
    assert not openai.requests


async def test_an_unknown_path_of_a_cloud_is_answered_in_its_words(yard: Yard) -> None:
    answer = await yard.call("/v1beta1/publishers/google/models/g:predict", {})
    assert answer.status == 404
    assert json.loads(answer.body)["error"]["status"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("embeddings", b'{"input":"hi"}'),
        ("completions", b'{"prompt":"hi"}'),
        ("audio/speech", b'{"input":"hi","voice":"alloy"}'),
        ("audio/transcriptions", b'{"file":"aGk="}'),
        ("images/generations", b'{"prompt":"a dot"}'),
        ("chat/completions", b'{"messages":[{"role":"user","content":"hi"}]}'),
    ],
)
async def test_on_the_clouds_own_route_the_path_names_the_model(
    yard: Yard, path: str, body: bytes
) -> None:
    azure = yard.provider("azure", settings={"api_version": "2024-10-21"}).fails(418, "no")
    await yard.call(f"/azure/openai/deployments/d/{path}?api-version=2024-10-21", body)
    assert azure.last.path == f"/openai/deployments/d/{path}"
    assert azure.last.body == body


@pytest.mark.parametrize("path", ["embeddings", "completions", "audio/speech"])
async def test_calls_of_other_kinds_without_a_model_are_refused(yard: Yard, path: str) -> None:
    openai = yard.provider("openai").says("never")
    answer = await yard.call(f"/v1/{path}", {"input": "hi", "prompt": "hi"})
    assert answer.status == 400
    assert "no 'model'" in answer.body.decode()
    assert not openai.requests
