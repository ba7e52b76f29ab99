"""Calls that are no chats: embeddings, rerank and moderations, through the whole gateway."""

import json
from typing import Any

import httpx
import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.kind import TEXT_KINDS
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.testing.script import Script
from stockyard.testing.yard import Yard

JSON = {"content-type": "application/json"}
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}
COHERE_VECTORS = {
    "id": "x",
    "embeddings": {"float": [[0.5, -1.0]]},
    "meta": {"billed_units": {"input_tokens": 3}},
    "response_type": "embeddings_by_type",
}
GEMINI_VECTORS = {"embeddings": [{"values": [0.5, -1.0]}]}
PLACES = {
    "id": "x",
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
    "meta": {"billed_units": {"search_units": 1}},
}
NOTHING_FOUND = {
    "id": "modr-1",
    "model": "omni-moderation-latest",
    "results": [{"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0}}],
}

STATUSES = {400: 400, 401: 502, 404: 404, 429: 429, 500: 502, 503: 503}
"""A provider's status -> ours."""

EMBEDDINGS = {"model": "text-embedding-3-small", "input": "hi"}
RERANK = {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"]}
MODERATION = {"model": "omni-moderation-latest", "input": "hi"}


class OnlyTexts(Module[ModuleConfig]):
    """Reads chats, and would break on anything else."""

    name = "only_texts"
    category = "safety"
    stage = Stage.INSPECT
    handles = TEXT_KINDS

    def on_request(self, x: Exchange) -> None:
        x.note(self.name, "read", {"messages": len(x.request.messages)})


def answers(script: Script, answer: Any) -> None:
    script.sends(200, JSON, json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("path", "provider", "asked", "answer", "there", "kind"),
    [
        ("/v1/embeddings", "openai", EMBEDDINGS, VECTORS, "/v1/embeddings", "embeddings"),
        ("/embeddings", "openai", EMBEDDINGS, VECTORS, "/v1/embeddings", "embeddings"),
        ("/v1/moderations", "openai", MODERATION, NOTHING_FOUND, "/v1/moderations", "moderations"),
        ("/moderations", "openai", MODERATION, NOTHING_FOUND, "/v1/moderations", "moderations"),
        ("/v1/rerank", "cohere", RERANK, PLACES, "/v2/rerank", "rerank"),
        ("/v2/rerank", "cohere", RERANK, PLACES, "/v2/rerank", "rerank"),
        ("/rerank", "cohere", RERANK, PLACES, "/v2/rerank", "rerank"),
        (
            "/v2/embed",
            "cohere",
            {"model": "embed-v4.0", "texts": ["hi"], "input_type": "search_query"},
            COHERE_VECTORS,
            "/v2/embed",
            "embeddings",
        ),
        (
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            "gemini",
            {"requests": [{"content": {"parts": [{"text": "hi"}]}}]},
            GEMINI_VECTORS,
            "/v1beta/models/gemini-embedding-001:batchEmbedContents",
            "embeddings",
        ),
    ],
)
async def test_bytes_pass_as_they_are_where_both_sides_speak_the_format(
    yard: Yard, path: str, provider: str, asked: Any, answer: Any, there: str, kind: str
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, answer)
    body = json.dumps({**asked, "odd": 1.50}).encode()

    told = await yard.call(path, body)

    assert told.status == 200
    assert told.body == json.dumps(answer).encode()
    assert told.headers["content-type"] == "application/json"
    assert (scripted.last.path, scripted.last.body) == (there, body)
    assert yard.last.exchange.kind == kind
    assert yard.last.attempts == [f"{provider} 200"]


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


@pytest.mark.parametrize(
    ("provider", "model", "answer", "path", "sent"),
    [
        (
            "voyage",
            "voyage/rerank-2",
            {"data": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 3}},
            "/v1/rerank",
            {
                "model": "rerank-2",
                "query": "q",
                "documents": ["a", "b"],
                "top_k": 1,
                "return_documents": True,
            },
        ),
        (
            "jina",
            "jina-reranker-v2",
            {"results": [{"index": 1, "relevance_score": 0.9}], "usage": {"total_tokens": 3}},
            "/v1/rerank",
            {
                "model": "jina-reranker-v2",
                "query": "q",
                "documents": ["a", "b"],
                "top_n": 1,
                "return_documents": True,
            },
        ),
        (
            "hf-tei",
            "hf-tei/bge",
            [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}],
            "/rerank",
            {"query": "q", "texts": ["a", "b"], "return_text": True},
        ),
    ],
)
async def test_rerank_reaches_providers_of_other_formats(
    yard: Yard, provider: str, model: str, answer: Any, path: str, sent: Any
) -> None:
    scripted = yard.provider(provider)
    answers(scripted, answer)
    asked = {**RERANK, "model": model, "top_n": 1, "return_documents": True}

    told = await yard.call("/v2/rerank", asked)

    assert json.loads(told.body)["results"] == [
        {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
    ]
    assert (scripted.last.path, json.loads(scripted.last.body)) == (path, sent)


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


async def test_when_one_of_them_fails_the_call_has_failed(yard: Yard) -> None:
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


async def test_what_is_to_happen_once_is_told_apart_where_a_call_becomes_several(
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


async def test_a_call_that_names_no_model_goes_where_the_operator_says(yard: Yard) -> None:
    scripted = yard.provider("openai")
    answers(scripted, NOTHING_FOUND)
    yard.set("aliases.moderations", "openai/omni-moderation-latest")

    told = await yard.call("/v1/moderations", {"input": "hi"})

    assert told.status == 200
    assert json.loads(scripted.last.body) == {"input": "hi", "model": "omni-moderation-latest"}


async def test_without_such_an_alias_the_model_is_asked_for(yard: Yard) -> None:
    yard.provider("openai")
    told = await yard.call("/v1/moderations", {"input": "hi"})
    assert told.status == 400
    assert told.error is not None
    assert told.error["param"] == "model"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/embeddings", {**EMBEDDINGS, "model": "claude-embed"}),
        ("/v1/embeddings", {**EMBEDDINGS, "model": "anthropic/claude-embed"}),
        ("/v1/moderations", {**MODERATION, "model": "claude-x"}),
    ],
)
async def test_a_provider_without_the_kind_is_named(yard: Yard, path: str, asked: Any) -> None:
    scripted = yard.provider("anthropic").says("never")
    told = await yard.call(path, asked)
    assert (told.status, told.error and told.error["code"]) == (404, "model_not_found")
    assert told.error is not None
    assert "'anthropic' does not offer" in told.error["message"]
    assert not scripted.requests


@pytest.mark.parametrize(
    ("path", "asked", "param"),
    [
        ("/v1/embeddings", {"model": "text-embedding-3-small"}, "input"),
        ("/v1/embeddings", {"input": "x"}, "model"),
        ("/v1/embeddings", {**EMBEDDINGS, "input": 4}, "input"),
        ("/v1/moderations", {"model": "omni-moderation-latest"}, "input"),
    ],
)
async def test_bad_requests_are_400_and_name_the_field(
    yard: Yard, path: str, asked: Any, param: str
) -> None:
    scripted = yard.provider("openai")
    told = await yard.call(path, asked)
    assert told.status == 400
    assert told.error is not None
    assert told.error["param"] == param
    assert not scripted.requests


@pytest.mark.parametrize(
    ("path", "asked", "provider"),
    [
        ("/v1/embeddings", EMBEDDINGS, "openai"),
        ("/v1/moderations", MODERATION, "openai"),
        ("/v2/rerank", RERANK, "cohere"),
    ],
)
async def test_errors_of_providers_become_ours(
    yard: Yard, path: str, asked: Any, provider: str
) -> None:
    yard.disable("retrypilot")
    scripted = yard.provider(provider)
    error = json.dumps({"message": "It broke.", "error": {"message": "It broke."}}).encode()
    for theirs, ours in STATUSES.items():
        scripted.sends(theirs, JSON, error)

        told = await yard.call(path, asked)

        assert told.status == ours
        body = json.loads(told.body)
        said = body if provider == "cohere" else body["error"]
        assert said["stockyard"]["upstream_status"] == theirs
        assert yard.last.outcomes == ["failed"]


async def test_a_missing_key_is_told_in_the_words_of_the_path(yard: Yard) -> None:
    yard.provider("openai")
    nobody = {"authorization": "Bearer sk-sy-nobody"}
    told = await yard.call("/v2/rerank", RERANK, headers=nobody)
    assert told.status == 401
    assert set(json.loads(told.body)) == {"id", "message", "stockyard"}
    told = await yard.call("/v1/embeddings", EMBEDDINGS, headers=nobody)
    assert told.status == 401
    assert json.loads(told.body)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("answer", [b"<html>", b"{", b'{"error":{"message":"no"}}'])
async def test_an_answer_that_is_none_is_502(yard: Yard, answer: bytes) -> None:
    yard.provider("openai").sends(200, JSON, answer)
    told = await yard.call("/v1/embeddings", EMBEDDINGS)
    assert told.status == 502


@pytest.mark.parametrize(
    ("path", "provider", "asked", "answer", "prompt"),
    [
        ("/openai/v1/embeddings", "openai", EMBEDDINGS, VECTORS, 3),
        ("/openai/embeddings", "openai", EMBEDDINGS, VECTORS, 3),
        (
            "/cohere/v2/embed",
            "cohere",
            {"model": "embed-v4.0", "texts": ["hi"]},
            COHERE_VECTORS,
            3,
        ),
        (
            "/gemini/v1beta/models/gemini-embedding-001:embedContent",
            "gemini",
            {"content": {"parts": [{"text": "hi"}]}},
            {"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 2}},
            2,
        ),
    ],
)
async def test_native_paths_are_metered(
    yard: Yard, path: str, provider: str, asked: Any, answer: Any, prompt: int
) -> None:
    answers(yard.provider(provider), answer)
    told = await yard.call(path, asked)
    assert told.body == json.dumps(answer).encode()
    assert yard.last.exchange.kind == "embeddings"
    assert yard.last.exchange.usage is not None
    assert yard.last.exchange.usage.prompt == prompt


async def test_rerank_is_metered_in_searches(yard: Yard) -> None:
    answers(yard.provider("cohere"), PLACES)
    await yard.call("/v2/rerank", RERANK)
    assert yard.last.exchange.usage is not None
    assert yard.last.exchange.usage.units == {"rerank_unit": 1}


@pytest.mark.parametrize("counted", [{}, {"prompt_tokens": "x"}, {"prompt_tokens": -3}])
@pytest.mark.parametrize(("said", "tokens"), [("words " * 40, 60), ([[1, 2, 3], [4]], 4)])
async def test_what_no_provider_counted_is_estimated(
    yard: Yard, counted: Any, said: Any, tokens: int
) -> None:
    answers(yard.provider("openai"), {**VECTORS, "usage": counted})
    await yard.call("/v1/embeddings", {**EMBEDDINGS, "input": said})
    usage = yard.last.exchange.usage
    assert usage is not None
    assert (usage.prompt, usage.source) == (tokens, "estimated")


async def test_modules_of_chats_are_left_out_and_others_read_the_texts(yard: Yard) -> None:
    scripted = yard.provider("openai")
    answers(scripted, VECTORS)
    yard.add(OnlyTexts)
    yard.enable("promptguard")

    told = await yard.call("/v1/embeddings", {**EMBEDDINGS, "input": "to ann@example.com"})

    assert told.status == 200
    assert "ann@example.com" not in scripted.last.body.decode()
    assert "promptguard masked" in yard.last.findings
    assert "only_texts read" not in yard.last.findings


async def test_limits_count_them(yard: Yard) -> None:
    answers(yard.provider("openai"), VECTORS)
    yard.enable("ratelimit", limits=[{"calls": 1, "per_seconds": 60, "kinds": ["embeddings"]}])
    first = await yard.call("/v1/embeddings", EMBEDDINGS)
    second = await yard.call("/v1/embeddings", EMBEDDINGS)
    assert (first.status, second.status) == (200, 429)


async def test_the_next_provider_that_offers_the_kind_takes_over(yard: Yard) -> None:
    yard.disable("retrypilot")
    yard.provider("openai").sends(503, JSON, b"{}")
    mistral = yard.provider("mistral")
    answers(mistral, VECTORS)
    target = {"provider": "mistral", "model": "mistral-embed"}
    yard.enable("failover", chains=[{"targets": [target]}])

    told = await yard.call("/v1/embeddings", EMBEDDINGS)

    assert told.status == 200
    assert json.loads(mistral.last.body)["model"] == "mistral-embed"
    assert yard.last.attempts == ["openai 503", "mistral 200"]


HI = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("model", "path", "body", "where"),
    [
        (
            "replicate/meta/llama-3",
            "/v1/chat/completions",
            {"messages": HI},
            "/replicate/v1/models/meta/llama-3/predictions",
        ),
        (
            "replicate/acme/flux",
            "/v1/images/generations",
            {"prompt": "a cat"},
            "/replicate/v1/models/acme/flux/predictions",
        ),
        (
            "oci/cohere.command",
            "/v1/messages",
            {"max_tokens": 9, "messages": HI},
            "/oci/20231130/actions/chat",
        ),
    ],
)
async def test_whose_format_is_its_own_is_named_with_the_path_that_speaks_it(
    yard: Yard, model: str, path: str, body: dict[str, Any], where: str
) -> None:
    """`wire.md` 1.1: they are reached on their native routes until there is a codec."""
    name = model.partition("/")[0]
    settings = {"settings": {"region": "x"}} if name == "oci" else {}
    provider = yard.provider(name, **settings)
    heard = await yard.call(path, body | {"model": model})
    assert heard.status == 404
    assert heard.error is not None
    assert f"'{where}'" in heard.error["message"]
    assert heard.error["stockyard"]["code"] == "model_not_found"
    assert not provider.requests


async def test_who_has_no_chats_at_all_is_named_as_such(yard: Yard) -> None:
    yard.provider("deepgram")
    heard = await yard.chat(model="deepgram/nova-3")
    assert heard.status == 404
    assert heard.error is not None
    assert "does not offer chats" in heard.error["message"]
