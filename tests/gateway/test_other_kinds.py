"""Calls that are no chats: embeddings, rerank and moderations, through the whole gateway."""

import json
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.kind import TEXT_KINDS
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.testing.yard import Yard
from tests.other_kinds import (
    COHERE_VECTORS,
    EMBEDDINGS,
    GEMINI_VECTORS,
    JSON,
    MODERATION,
    RERANK,
    VECTORS,
    answers,
)

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


class OnlyTexts(Module[ModuleConfig]):
    """Reads chats, and would break on anything else."""

    name = "only_texts"
    category = "safety"
    stage = Stage.INSPECT
    handles = TEXT_KINDS

    def on_request(self, x: Exchange) -> None:
        x.note(self.name, "read", {"messages": len(x.request.messages)})


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


async def test_a_call_that_names_no_model_goes_where_the_operator_says(yard: Yard) -> None:
    scripted = yard.provider("openai")
    answers(scripted, NOTHING_FOUND)
    yard.set("aliases.moderations", "openai/omni-moderation-latest")

    told = await yard.call("/v1/moderations", {"input": "hi"})

    assert told.status == 200
    assert json.loads(scripted.last.body) == {"input": "hi", "model": "omni-moderation-latest"}


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
async def test_usage_that_no_provider_counted_is_estimated(
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


async def test_limits_count_calls_of_other_kinds(yard: Yard) -> None:
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
