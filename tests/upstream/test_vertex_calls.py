"""Models at Vertex: which path, which host, and what moves from head and path into the body."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stockyard.providers.catalog import load
from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard
from tests.upstream.google import PERSON

JSON = {"content-type": "application/json"}
GRANTED = b'{"access_token": "tok-1", "expires_in": 3599}'
PLACE: Any = {"settings": {"project": "p", "location": "europe-west1"}}
BASE = "/v1/projects/p/locations/europe-west1"
CLAUDE = "vertex-anthropic/claude-sonnet-4-5@20250929"


@pytest.fixture
async def desk() -> AsyncIterator[ScriptedProvider]:
    async with ScriptedProvider() as desk:
        yield desk.sends(200, JSON, GRANTED)


def at_vertex(yard: Yard, desk: ScriptedProvider, name: str) -> ScriptedProvider:
    return yard.provider(name, **PLACE, token_url=desk.url + "/token", api_key=PERSON)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
@pytest.mark.parametrize("name", ["vertex", "vertex-anthropic"])
def test_the_location_says_which_host(name: str, location: str, host: str) -> None:
    environ = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": location}
    provider = load(environ=environ).get(name)
    assert provider is not None
    assert provider.missing == ()
    assert provider.base_url.startswith(f"https://{host}/v1/projects/p/locations/{location}")


def test_a_row_without_a_location_cannot_be_called() -> None:
    provider = load(environ={"GOOGLE_CLOUD_PROJECT": "p"}).get("vertex")
    assert provider is not None
    assert provider.missing == ("location",)


@pytest.mark.parametrize(
    ("model", "stream", "target"),
    [
        ("gemini-2.5-pro", False, "/publishers/google/models/gemini-2.5-pro:generateContent"),
        (
            "gemini-2.5-pro",
            True,
            "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        ),
        ("meta/llama-4-maverick", False, "/endpoints/openapi/chat/completions"),
    ],
)
async def test_the_model_says_which_path(
    yard: Yard, desk: ScriptedProvider, model: str, stream: bool, target: str
) -> None:
    vertex = at_vertex(yard, desk, "vertex").says("never understood")
    await yard.chat("hi", model=f"vertex/{model}", stream=stream)
    assert vertex.last.target == BASE + target
    assert vertex.last.headers["authorization"] == "Bearer tok-1"


async def test_a_key_of_express_mode_needs_no_project(yard: Yard) -> None:
    express = yard.provider("vertex-express").sends(200, JSON, b'{"candidates": []}')
    await yard.chat("hi", model="vertex-express/gemini-2.5-flash")
    target = "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent"
    assert express.last.target == target
    assert express.last.headers["x-goog-api-key"] == "secret-of-vertex-express"


class TestClaude:
    @pytest.mark.parametrize("stream", [False, True])
    async def test_the_path_names_the_model_and_the_body_the_version(
        self, yard: Yard, desk: ScriptedProvider, stream: bool
    ) -> None:
        vertex = at_vertex(yard, desk, "vertex-anthropic").says("hello")
        answer = await yard.messages("hi", model=CLAUDE, stream=stream)
        assert answer.text == "hello"
        verb = "streamRawPredict" if stream else "rawPredict"
        model = "claude-sonnet-4-5@20250929"
        assert vertex.last.target == f"{BASE}/publishers/anthropic/models/{model}:{verb}"
        assert "model" not in vertex.last.json
        assert vertex.last.json["anthropic_version"] == "vertex-2023-10-16"
        assert vertex.last.json.get("stream", False) is stream

    async def test_betas_are_said_in_the_body_if_they_are_known(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        vertex = at_vertex(yard, desk, "vertex-anthropic").says("hello")
        known = "interleaved-thinking-2025-05-14"
        headers = {"anthropic-beta": f"{known}, from-next-year", "anthropic-version": "2023-06-01"}
        answer = await yard.messages("hi", model=CLAUDE, headers=headers)
        assert vertex.last.json["anthropic_beta"] == [known]
        assert not {"anthropic-beta", "anthropic-version"} & {*vertex.last.headers}
        assert answer.headers["x-stockyard-dropped"] == "anthropic_beta:from-next-year"

    async def test_chat_clients_reach_claude_at_vertex_too(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        vertex = at_vertex(yard, desk, "vertex-anthropic").says("hello")
        assert (await yard.chat("hi", model=CLAUDE)).text == "hello"
        assert vertex.last.prompt == "hi"
        assert "anthropic-version" not in vertex.last.headers

    async def test_a_caller_on_the_native_route_says_model_and_version_itself(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        vertex = at_vertex(yard, desk, "vertex-anthropic").says("hello")
        path = f"{BASE}/publishers/anthropic/models/claude-x:rawPredict"
        body = b'{"anthropic_version": "vertex-2023-10-16", "max_tokens": 1, "messages": [] }'
        await yard.call(f"/vertex-anthropic{path}", body)
        assert (vertex.last.target, vertex.last.body) == (path, body)
        assert yard.last.exchange.request.model == "claude-x"


class TestAnotherProject:
    """Callers may name one that our account may use, too."""

    THERE = "/v1/projects/q/locations/us-central1/publishers/google/models/text-embedding-005"

    async def test_embeddings_of_another_project_are_counted(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        vertex = at_vertex(yard, desk, "vertex")
        vectors = [{"embeddings": {"values": [0.5] * 9000, "statistics": {"token_count": 7}}}]
        said = json.dumps({"predictions": vectors * 2})
        vertex.sends(200, JSON, said.encode())
        body = {"instances": [{"content": "hi"}, {"content": "hello"}]}
        answer = await yard.call(f"/vertex{self.THERE}:predict", body)
        assert (answer.status, vertex.last.target) == (200, f"{self.THERE}:predict")
        x = yard.last.exchange
        assert (x.kind, x.request.model) == ("embeddings", "text-embedding-005")
        assert x.usage is not None
        assert x.usage.in_fresh == 14

    async def test_counting_tokens_in_another_project_costs_nothing(
        self, yard: Yard, desk: ScriptedProvider
    ) -> None:
        vertex = at_vertex(yard, desk, "vertex").sends(200, JSON, b'{"totalTokens": 5}')
        body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
        await yard.call(f"/vertex{self.THERE}:countTokens", body)
        assert vertex.last.target == f"{self.THERE}:countTokens"
        assert yard.last.exchange.kind == "count"


@pytest.mark.parametrize("instance", [{"prompt": "a fox"}, {"text": "a fox", "image": {}}, 1])
async def test_images_and_mixed_embeddings_pass_unread_and_are_not_free(
    yard: Yard, desk: ScriptedProvider, instance: object
) -> None:
    said = b'{"predictions": [{"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}]}'
    vertex = at_vertex(yard, desk, "vertex").sends(200, JSON, said)
    body = {"instances": [instance], "parameters": {"sampleCount": 1}}
    path = f"{BASE}/publishers/google/models/imagen-4:predict"
    answer = await yard.call(f"/vertex{path}", body)
    assert (answer.body, vertex.last.target, vertex.last.json) == (said, path, body)
    x = yard.last.exchange
    assert (x.kind, x.request.model, x.usage) == ("passthrough", "imagen-4", None)
