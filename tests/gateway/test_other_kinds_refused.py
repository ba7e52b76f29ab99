"""Errors and refusals of embeddings, rerank and moderation calls."""

import json
from typing import Any

import pytest

from stockyard.testing.yard import Yard
from tests.other_kinds import EMBEDDINGS, JSON, MODERATION, RERANK

STATUSES = {400: 400, 401: 502, 404: 404, 429: 429, 500: 502, 503: 503}
"""A provider's status -> ours."""


async def test_moderations_without_a_model_or_an_alias_are_refused(yard: Yard) -> None:
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
async def test_a_provider_with_a_format_of_its_own_is_named_with_the_path_for_it(
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


async def test_a_provider_without_chats_is_named_as_such(yard: Yard) -> None:
    yard.provider("deepgram")
    heard = await yard.chat(model="deepgram/nova-3")
    assert heard.status == 404
    assert heard.error is not None
    assert "does not offer chats" in heard.error["message"]
