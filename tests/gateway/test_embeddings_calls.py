"""Embeddings: translated, split into several requests, packed, and paid for."""

import json
from typing import Any

import httpx
import pytest

from stockyard.testing.yard import Yard
from tests.other_kinds import COHERE_VECTORS, EMBEDDINGS, GEMINI_VECTORS, JSON, VECTORS, answers


@pytest.mark.parametrize(
    ("provider", "model", "answer", "path", "sent"),
    [
        (
            "cohere",
            "embed-v4.0",
            COHERE_VECTORS,
            "/v2/embed",
            {
                "model": "embed-v4.0",
                "texts": ["hi"],
                "input_type": "search_document",
                "embedding_types": ["float"],
                "output_dimension": 2,
            },
        ),
        (
            "gemini",
            "gemini-embedding-001",
            GEMINI_VECTORS,
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            {
                "requests": [
                    {
                        "model": "models/gemini-embedding-001",
                        "content": {"parts": [{"text": "hi"}]},
                        "outputDimensionality": 2,
                    }
                ]
            },
        ),
        (
            "voyage",
            "voyage-3",
            {"data": [{"index": 0, "embedding": [0.5, -1]}], "usage": {"total_tokens": 3}},
            "/v1/embeddings",
            {
                "model": "voyage-3",
                "input": "hi",
                "output_dimension": 2,
                "encoding_format": "base64",
            },
        ),
        (
            "ollama",
            "ollama/nomic-embed-text",
            {"model": "nomic-embed-text", "embeddings": [[0.5, -1.0]], "prompt_eval_count": 3},
            "/api/embed",
            {"model": "nomic-embed-text", "input": "hi", "dimensions": 2},
        ),
        (
            "perplexity",
            "perplexity/pplx-embed-v1",
            {"data": [{"index": 0, "embedding": "Af8="}], "usage": {"prompt_tokens": 3}},
            "/v1/embeddings",
            {"model": "pplx-embed-v1", "input": "hi", "dimensions": 2},
        ),
    ],
)
async def test_embeddings_reach_providers_of_other_formats(
    yard: Yard, provider: str, model: str, answer: Any, path: str, sent: Any
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, answer)
    asked = {"model": model, "input": "hi", "dimensions": 2, "encoding_format": "base64"}

    told = await yard.call("/v1/embeddings", asked)

    assert told.status == 200
    body = json.loads(told.body)
    expected = "AACAPwAAgL8=" if provider == "perplexity" else "AAAAPwAAgL8="
    assert body["data"] == [{"object": "embedding", "index": 0, "embedding": expected}]
    assert body["id"]
    assert (scripted.last.path, json.loads(scripted.last.body)) == (path, sent)
    if provider != "gemini":  # does not count
        assert yard.last.exchange.usage is not None
        assert yard.last.exchange.usage.prompt == 3


async def test_more_inputs_than_a_provider_takes_are_sent_in_several_requests(yard: Yard) -> None:
    scripted = yard.provider("cohere")
    for size in (96, 4):
        answers(scripted, {**COHERE_VECTORS, "embeddings": {"float": [[float(size)]] * size}})
    texts = [f"text {n}" for n in range(100)]

    told = await yard.call("/v1/embeddings", {"model": "embed-v4.0", "input": texts})

    body = json.loads(told.body)
    assert [row["index"] for row in body["data"]] == list(range(100))
    assert [row["embedding"] for row in body["data"]] == [[96.0]] * 96 + [[4.0]] * 4
    assert body["usage"]["prompt_tokens"] == 6
    sent = [text for request in scripted.requests for text in json.loads(request.body)["texts"]]
    assert sent == texts
    assert yard.last.attempts == ["cohere 200", "cohere 200"]


async def test_as_many_inputs_as_clients_send_are_embedded(yard: Yard) -> None:
    scripted = yard.provider("cohere")
    for size in (*[96] * 21, 32):
        answers(scripted, {**COHERE_VECTORS, "embeddings": {"float": [[float(size)]] * size}})
    told = await yard.call("/v1/embeddings", {"model": "embed-v4.0", "input": ["x"] * 2048})
    assert told.status == 200
    assert len(told.json["data"]) == 2048
    assert (len(scripted.requests), told.json["usage"]["prompt_tokens"]) == (22, 66)


async def test_a_call_fails_when_one_of_its_parts_fails(yard: Yard) -> None:
    yard.disable("retrypilot")
    scripted = yard.provider("cohere")
    answers(scripted, {**COHERE_VECTORS, "embeddings": {"float": [[1.0]] * 96}})
    scripted.sends(429, JSON, b'{"message":"Slow down."}')

    told = await yard.call("/v1/embeddings", {"model": "embed-v4.0", "input": ["x"] * 97})

    assert told.status == 429
    assert yard.last.outcomes == ["ok", "failed"]


async def test_a_single_content_is_embedded_by_any_provider(yard: Yard) -> None:
    scripted = yard.provider("openai")
    answers(scripted, VECTORS)
    asked = {"content": {"parts": [{"text": "hi"}]}, "taskType": "RETRIEVAL_QUERY"}

    told = await yard.call("/v1/models/text-embedding-3-small:embedContent", asked)

    assert json.loads(told.body)["embedding"] == {"values": [0.5, -1.0]}
    assert json.loads(scripted.last.body) == {"model": "text-embedding-3-small", "input": ["hi"]}
    assert told.headers["x-stockyard-dropped"] == "input_type"


async def test_base64_is_packed_here_where_the_provider_does_not_know_it(yard: Yard) -> None:
    answers(yard.provider("openai"), VECTORS)
    told = await yard.call("/v1/embeddings", {**EMBEDDINGS, "encoding_format": "base64"})
    assert json.loads(told.body)["data"][0]["embedding"] == "AAAAPwAAgL8="


@pytest.mark.parametrize(("path", "packed"), [("/v1", True), ("/openai/v1", False)])
async def test_base64_is_packed_however_many_vectors_there_are(
    yard: Yard, path: str, packed: bool
) -> None:
    rows = [{"index": at, "embedding": [0.5] * 1536} for at in range(200)]
    answers(yard.provider("openai"), {**VECTORS, "data": rows})
    asked = {**EMBEDDINGS, "input": ["hi"] * 200, "encoding_format": "base64"}
    told = await yard.call(path + "/embeddings", asked)
    vectors = [row["embedding"] for row in told.json["data"]]
    assert len(vectors) == 200
    assert all(isinstance(vector, str) is packed for vector in vectors)


async def test_an_answer_that_is_too_large_to_be_packed_is_not_refused(yard: Yard) -> None:
    rows = [{"index": 0, "embedding": [0.5] * 7_000_000}]
    answers(yard.provider("openai"), {**VECTORS, "data": rows})
    await yard.open()
    asked = {**EMBEDDINGS, "encoding_format": "base64"}
    async with httpx.AsyncClient(base_url=yard.url, headers=yard.headers) as client:
        told = await client.post("/v1/embeddings", json=asked)
    assert told.status_code == 200
    assert told.content.count(b"0.5") == 7_000_000
    assert await yard.ended(1)
    assert yard.last.usage is not None
    assert yard.last.usage.prompt == 3


async def test_a_large_answer_is_packed_already_and_flows(yard: Yard) -> None:
    rows = [{"index": at, "embedding": "AAAAPw" * 3000} for at in range(99)]
    answers(yard.provider("openai"), {**VECTORS, "data": rows})
    asked = {**EMBEDDINGS, "input": ["hi"] * 99, "encoding_format": "base64"}
    told = await yard.call("/v1/embeddings", asked)
    assert told.headers["transfer-encoding"] == "chunked"
    assert told.json["data"] == rows


@pytest.mark.parametrize("sizes", [(95, 4), (97, 4), (96, 3)])
async def test_a_vector_too_few_does_not_give_every_other_text_a_wrong_one(
    yard: Yard, sizes: tuple[int, int]
) -> None:
    scripted = yard.provider("cohere")
    for size in sizes:
        vectors = {"float": [[float(at)] for at in range(size)]}
        answers(scripted, {**COHERE_VECTORS, "embeddings": vectors})
    asked = {"model": "cohere/embed-v4.0", "input": ["hi"] * 100}
    told = await yard.call("/v1/embeddings", asked)
    assert told.status == 502
    assert told.error is not None
    assert yard.last.usage is not None
    assert yard.last.usage.prompt == 6, "both were paid for"


async def test_texts_that_were_embedded_before_an_error_are_paid_for_besides_the_next_try(
    yard: Yard,
) -> None:
    scripted = yard.provider("cohere")
    for size in (96, 0, 96, 4):
        vectors = {"float": [[float(at)] for at in range(size)]}
        if size:
            answers(scripted, {**COHERE_VECTORS, "embeddings": vectors})
        else:
            scripted.sends(503, JSON, b'{"message": "later"}')
    yard.enable("retrypilot", base_ms=1, max_ms=1)
    told = await yard.call("/v1/embeddings", {"model": "cohere/embed-v4.0", "input": ["hi"] * 100})
    assert told.status == 200
    assert yard.last.attempts == ["cohere 200", "cohere 503", "cohere 200", "cohere 200"]
    assert yard.last.usage is not None
    assert yard.last.usage.prompt == 9
    assert told.headers["x-stockyard-tokens-in"] == "9"


async def test_the_parts_of_a_call_have_idempotency_keys_of_their_own(
    yard: Yard,
) -> None:
    scripted = yard.provider("mistral").says("a", "b", "a", "b")
    asked = {"model": "mistral/mistral-small-latest", "prompt": ["one", "two"]}
    for _ in range(2):
        told = await yard.call("/v1/completions", asked, headers={"idempotency-key": "order-7"})
        assert told.status == 200
    keys = [request.headers["idempotency-key"] for request in scripted.requests]
    assert keys[:2] == keys[2:], "the same call sent again"
    assert len({*keys, "order-7"}) == 3


async def test_tokens_stay_with_providers_that_know_them(yard: Yard) -> None:
    openai, cohere = yard.provider("openai"), yard.provider("cohere")
    answers(openai, VECTORS)
    answers(cohere, COHERE_VECTORS)

    told = await yard.call("/v1/embeddings", {**EMBEDDINGS, "input": [[1, 2]]})
    assert told.status == 200
    assert json.loads(openai.last.body)["input"] == [[1, 2]]

    told = await yard.call("/v1/embeddings", {"model": "embed-v4.0", "input": [[1, 2]]})
    assert told.status == 400
    assert told.error is not None
    assert told.error["param"] == "input"
    assert not cohere.requests
