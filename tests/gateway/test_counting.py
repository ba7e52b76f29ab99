"""Counting the tokens of a chat: asked of the provider's own counter, or reckoned here."""

import json
from typing import Any

import pytest

from stockyard.testing.yard import Yard

MESSAGES = {
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "How many tokens is this?"}],
    "tools": [{"name": "f", "description": "Does.", "input_schema": {"type": "object"}}],
}
RESPONSES = {"input": "How many tokens is this?", "instructions": "Be brief."}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "How many tokens is this?"}]}]}

COUNTS = "/v1/messages/count_tokens"
INPUTS = "/v1/responses/input_tokens"
GEMINI = "/v1beta/models/{}:countTokens"


@pytest.mark.parametrize(
    ("provider", "path", "body", "answer", "asked_at"),
    [
        (
            "anthropic",
            COUNTS,
            {"model": "claude-scripted", **MESSAGES},
            {"input_tokens": 14},
            "/v1/messages/count_tokens",
        ),
        (
            "openai",
            INPUTS,
            {"model": "gpt-scripted", **RESPONSES},
            {"object": "response.input_tokens", "input_tokens": 14},
            "/v1/responses/input_tokens",
        ),
        (
            "gemini",
            GEMINI.format("gemini-scripted"),
            CONTENTS,
            {"totalTokens": 14, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 14}]},
            "/v1beta/models/gemini-scripted:countTokens",
        ),
    ],
)
async def test_a_provider_s_own_counter_is_asked_in_the_client_s_bytes(
    yard: Yard,
    provider: str,
    path: str,
    body: dict[str, Any],
    answer: dict[str, Any],
    asked_at: str,
) -> None:
    sent = json.dumps(answer, indent=1).encode()
    asked = yard.provider(provider).sends(200, {"content-type": "application/json"}, sent)
    heard = await yard.call(path, body)
    assert (heard.status, heard.body) == (200, sent)
    assert "x-stockyard-estimated" not in heard.headers
    assert asked.requests[0].path == asked_at
    assert asked.requests[0].json == body
    assert yard.last.exchange.kind == "count"


@pytest.mark.parametrize(
    ("provider", "model", "answer", "asked_at"),
    [
        ("gemini", "gemini-scripted", {"totalTokens": 14}, ":countTokens"),
        ("openai", "gpt-scripted", {"input_tokens": 14}, "/responses/input_tokens"),
    ],
)
async def test_another_provider_s_counter_is_asked_in_its_own_words(
    yard: Yard, provider: str, model: str, answer: dict[str, Any], asked_at: str
) -> None:
    sent = json.dumps(answer).encode()
    asked = yard.provider(provider).sends(200, {"content-type": "application/json"}, sent)
    heard = await yard.call(COUNTS, {"model": model, **MESSAGES})
    assert heard.json == {"input_tokens": 14}
    request = asked.requests[0]
    assert request.path.endswith(asked_at)
    assert b"How many tokens is this?" in request.body
    assert b"max_tokens" not in request.body
    assert b"maxOutputTokens" not in request.body


async def test_a_claude_is_counted_for_gemini_s_clients(yard: Yard) -> None:
    asked = yard.provider("anthropic").sends(200, {}, b'{"input_tokens": 14}')
    body = {"generateContentRequest": {"model": "models/claude-scripted", **CONTENTS}}
    heard = await yard.call(GEMINI.format("claude-scripted"), body)
    assert heard.json == {"totalTokens": 14}
    request = asked.requests[0]
    assert request.path == "/v1/messages/count_tokens"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert set(request.json) == {"model", "messages"}


@pytest.mark.parametrize(
    ("path", "body", "number"),
    [
        (COUNTS, {"model": "groq/llama-scripted", **MESSAGES}, "input_tokens"),
        (INPUTS, {"model": "groq/llama-scripted", **RESPONSES}, "input_tokens"),
        (GEMINI.format("groq/llama-scripted"), CONTENTS, "totalTokens"),
    ],
)
async def test_tokens_are_estimated_where_there_is_no_counter_and_that_is_said(
    yard: Yard, path: str, body: dict[str, Any], number: str
) -> None:
    provider = yard.provider("groq")
    heard = await yard.call(path, body)
    assert heard.status == 200
    assert 5 < heard.json[number] < 60
    assert heard.headers["x-stockyard-estimated"] == "true"
    assert not provider.requests
    assert yard.last.attempts == []


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (COUNTS, {"model": "nobody-has-this", **MESSAGES}, "not_found_error"),
        (COUNTS, {"model": "claude-scripted"}, "invalid_request_error"),
        (COUNTS, b"{", "invalid_request_error"),
    ],
)
async def test_a_count_that_is_impossible_is_refused_in_the_dialect(
    yard: Yard, path: str, body: Any, kind: str
) -> None:
    yard.provider("anthropic")
    heard = await yard.call(path, body)
    assert heard.status in (400, 404)
    assert heard.json["error"]["type"] == kind


async def test_an_error_of_the_counter_is_heard_in_the_dialect(yard: Yard) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
    yard.provider("anthropic").sends(429, {"retry-after": "7"}, json.dumps(error).encode())
    heard = await yard.call(COUNTS, {"model": "claude-scripted", **MESSAGES})
    assert heard.status == 429
    assert heard.json["error"]["type"] == "rate_limit_error"
    assert heard.headers["retry-after"] == "7"


async def test_personal_data_does_not_leave_to_be_counted(yard: Yard) -> None:
    asked = yard.provider("anthropic").sends(200, {}, b'{"input_tokens": 14}')
    yard.enable("promptguard")
    body = {"model": "claude-scripted", "messages": [{"role": "user", "content": "ann@acme.org"}]}
    await yard.call(COUNTS, body)
    assert b"acme" not in asked.requests[0].body


async def test_a_native_counter_passes_as_it_is(yard: Yard) -> None:
    sent = b'{"input_tokens":14 , "extra": 1}'
    asked = yard.provider("anthropic").sends(200, {}, sent)
    heard = await yard.call("/anthropic/v1/messages/count_tokens", {"model": "c", **MESSAGES})
    assert heard.body == sent
    assert asked.requests[0].json == {"model": "c", **MESSAGES}
