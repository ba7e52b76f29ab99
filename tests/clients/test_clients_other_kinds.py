"""Official libraries that embed, rerank and moderate, unchanged but for their base URL and key."""

import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import cohere
import httpx
import ollama
import openai
import pytest

from stockyard.testing import ScriptedProvider
from stockyard.testing.yard import Yard

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    genai = pytest.importorskip("google.genai")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

JSON = {"content-type": "application/json"}
OPENAI, COHERE, GEMINI, OLLAMA = (
    "text-embedding-3-small",
    "embed-v4.0",
    "gemini-embedding-001",
    "ollama/nomic-embed-text",
)
ANSWERS: dict[str, Any] = {
    OPENAI: {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [0.25, 2.0]},
        ],
        "model": OPENAI,
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    },
    COHERE: {
        "id": "x",
        "embeddings": {"float": [[0.5, -1.0], [0.25, 2.0]]},
        "texts": ["one", "two"],
        "meta": {"billed_units": {"input_tokens": 3}},
        "response_type": "embeddings_by_type",
    },
    GEMINI: {"embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}]},
    OLLAMA: {
        "model": "nomic-embed-text",
        "embeddings": [[0.5, -1.0], [0.25, 2.0]],
        "prompt_eval_count": 3,
    },
}
"""The same two vectors from each provider, by the model that is asked for."""
PROVIDERS = {OPENAI: "openai", COHERE: "cohere", GEMINI: "gemini", OLLAMA: "ollama"}
VECTORS = [[0.5, -1.0], [0.25, 2.0]]
TWO = ["one", "two"]

every = pytest.mark.parametrize("model", ANSWERS)


def answering(yard: Yard, model: str) -> ScriptedProvider:
    scripted = yard.provider(PROVIDERS[model])
    scripted.sends(200, JSON, json.dumps(ANSWERS[model]).encode())
    return scripted


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


@asynccontextmanager
async def openai_of(yard: Yard, key: str = "") -> AsyncIterator[openai.AsyncOpenAI]:
    await yard.open()
    url, key = yard.url + "/v1", key or yard.key
    async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
        yield client


@every
async def test_openai_embeds(yard: Yard, model: str) -> None:
    """The library asks for base64 by itself, and unpacks it."""
    answering(yard, model)
    async with openai_of(yard) as client:
        answer = await client.embeddings.create(model=model, input=TWO)
    assert [row.embedding for row in answer.data] == VECTORS
    assert [row.index for row in answer.data] == [0, 1]
    assert answer.usage.prompt_tokens > 0


async def test_openai_embeds_with_the_mock(yard: Yard) -> None:
    async with openai_of(yard) as client:
        answer = await client.embeddings.create(model="mock", input="hi", dimensions=256)
    assert len(answer.data[0].embedding) == 256


async def test_openai_moderates(yard: Yard) -> None:
    found = {
        "flagged": True,
        "categories": {"hate": True, "self-harm": False},
        "category_scores": {"hate": 0.9, "self-harm": 0.1},
    }
    answer = {"id": "modr-1", "model": "omni-moderation-latest", "results": [found]}
    yard.provider("openai").sends(200, JSON, json.dumps(answer).encode())
    said: Any = [{"type": "text", "text": "I hate"}]
    async with openai_of(yard) as client:
        judged = await client.moderations.create(model="omni-moderation-latest", input=said)
    assert judged.results[0].flagged
    assert judged.results[0].categories.hate


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
async def test_openai_raises_what_belongs_to_an_error(
    yard: Yard, status: int, error: type[openai.APIStatusError]
) -> None:
    yard.disable("retrypilot")
    yard.provider("openai").sends(status, JSON, b'{"error":{"message":"It broke."}}')
    async with openai_of(yard) as client:
        with pytest.raises(error, match="It broke"):
            await client.embeddings.create(model=OPENAI, input="hi")


async def test_openai_raises_for_a_key_that_nobody_has(yard: Yard) -> None:
    yard.provider("openai")
    async with openai_of(yard, "sk-sy-nobody") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.moderations.create(model="m", input="hi")


@every
async def test_google_embeds(yard: Yard, model: str) -> None:
    scripted = answering(yard, model)
    await yard.open()
    options = {"base_url": yard.url, "retry_options": {"attempts": 1}}
    config = {"task_type": "RETRIEVAL_QUERY", "output_dimensionality": 2}
    with genai.Client(api_key=yard.key, http_options=options) as client:
        async with client.aio as google:
            answer = await google.models.embed_content(model=model, contents=TWO, config=config)
    assert [embedding.values for embedding in answer.embeddings] == VECTORS
    assert b"one" in scripted.last.body
    assert b"two" in scripted.last.body


@every
async def test_cohere_embeds(yard: Yard, http: httpx.AsyncClient, model: str) -> None:
    answering(yard, model)
    await yard.open()
    client = cohere.AsyncClientV2(api_key=yard.key, base_url=yard.url, httpx_client=http)
    answer = await client.embed(
        model=model, texts=TWO, input_type="search_document", embedding_types=["float"]
    )
    assert answer.embeddings.float_ == VECTORS


async def test_cohere_reranks(yard: Yard, http: httpx.AsyncClient) -> None:
    places = {"data": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 3}}
    yard.provider("voyage").sends(200, JSON, json.dumps(places).encode())
    await yard.open()
    client = cohere.AsyncClientV2(api_key=yard.key, base_url=yard.url, httpx_client=http)
    answer = await client.rerank(model="voyage/rerank-2", query="q", documents=TWO, top_n=1)
    assert [(row.index, row.relevance_score) for row in answer.results] == [(1, 0.9)]


@every
async def test_ollama_embeds(yard: Yard, model: str) -> None:
    answering(yard, model)
    await yard.open()
    async with ollama.AsyncClient(yard.url + "/ollama", headers=yard.headers) as client:
        answer = await client.embed(model=model, input=TWO)
    assert [list(vector) for vector in answer.embeddings] == VECTORS
