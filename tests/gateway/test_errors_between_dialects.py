"""Every shape of a provider's error, as every dialect tells it (`wire.md` 10.1, 10.2, 10.4)."""

import json
from typing import Any

import pytest

from stockyard.testing.yard import Yard


def one(message: str = "No.", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


def typed(kind: str, message: str = "No.", **fields: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, **fields}}


def google(code: int, status: str, message: str = "No.", *details: Any) -> dict[str, Any]:
    return one(message, code=code, status=status, details=list(details))


def mistral(code: str, status: int) -> dict[str, Any]:
    return {"object": "error", "message": "No.", "code": code, "raw_status_code": status}


TOO_LONG = "prompt is too long: 9"
COUNTED = "The input token count (9"
DAILY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}
SPENT = {"error_code": "contract_spend_limit_reached"}
BAD_KEY = {"reason": "API_KEY_INVALID"}

# provider, its status and body, our status and code
ERRORS: list[tuple[str, int, object, int, str]] = [
    ("openai", 400, one(code="invalid_value"), 400, "invalid_request"),
    ("openai", 400, one(code="context_length_exceeded"), 400, "context_length"),
    ("openai", 400, one("Your input exceeds the context window of"), 400, "context_length"),
    ("openai", 400, one(code="content_filter"), 400, "content_blocked"),
    ("openai", 401, one(code="invalid_api_key"), 502, "provider_error"),
    ("openai", 403, one(code="unsupported_country"), 502, "provider_error"),
    ("openai", 404, one(code="model_not_found"), 404, "model_not_found"),
    ("openai", 429, one(code="rate_limit_exceeded"), 429, "rate_limited"),
    ("openai", 429, one(code="insufficient_quota"), 429, "rate_limited"),
    ("openai", 500, one(type="server_error"), 502, "provider_error"),
    ("openai", 503, one(type="server_error"), 503, "provider_error"),
    ("openai", 502, b"<html>bad gateway</html>", 502, "provider_error"),
    ("openai", 504, b"<html>late</html>", 504, "provider_timeout"),
    ("openai", 500, b"", 502, "provider_error"),
    ("openai", 408, b"", 504, "provider_timeout"),
    ("openai", 413, b"too large", 413, "body_too_large"),
    ("openai", 424, b"", 502, "provider_error"),
    ("openai", 200, b"no JSON", 502, "provider_error"),
    ("openai", 200, one(code=429), 429, "rate_limited"),
    ("openrouter", 200, one(code=402), 502, "no_credit"),
    ("openrouter", 402, one(code=402), 502, "no_credit"),
    ("openrouter", 400, one("This endpoint's maximum context length is 8"), 400, "context_length"),
    ("anthropic", 400, typed("invalid_request_error", TOO_LONG), 400, "context_length"),
    ("anthropic", 400, typed("invalid_request_error", details=SPENT), 502, "no_credit"),
    ("anthropic", 401, typed("authentication_error"), 502, "provider_error"),
    ("anthropic", 402, typed("billing_error"), 502, "no_credit"),
    ("anthropic", 403, typed("permission_error"), 502, "provider_error"),
    ("anthropic", 404, typed("not_found_error"), 404, "model_not_found"),
    ("anthropic", 413, typed("request_too_large"), 413, "body_too_large"),
    ("anthropic", 429, typed("rate_limit_error"), 429, "rate_limited"),
    ("anthropic", 500, typed("api_error"), 502, "provider_error"),
    ("anthropic", 504, typed("timeout_error"), 504, "provider_timeout"),
    ("anthropic", 529, typed("overloaded_error"), 503, "provider_error"),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", "No.", BAD_KEY), 502, "provider_error"),
    ("gemini", 400, google(400, "INVALID_ARGUMENT", COUNTED), 400, "context_length"),
    ("gemini", 403, google(403, "PERMISSION_DENIED"), 502, "provider_error"),
    ("gemini", 404, google(404, "NOT_FOUND"), 404, "model_not_found"),
    ("gemini", 429, google(429, "RESOURCE_EXHAUSTED", "No.", DAILY), 429, "rate_limited"),
    ("gemini", 429, [google(429, "RESOURCE_EXHAUSTED")], 429, "rate_limited"),
    ("gemini", 500, google(500, "INTERNAL"), 502, "provider_error"),
    ("gemini", 503, google(503, "UNAVAILABLE"), 503, "provider_error"),
    ("gemini", 504, google(504, "DEADLINE_EXCEEDED"), 504, "provider_timeout"),
    ("mistral", 401, {"detail": "Unauthorized"}, 502, "provider_error"),
    ("mistral", 422, {"detail": [{"loc": ["x"], "msg": "No."}]}, 400, "invalid_request"),
    ("mistral", 400, mistral("1500", 400), 404, "model_not_found"),
    ("mistral", 429, mistral("1300", 429), 429, "rate_limited"),
    ("cohere", 400, {"message": "No.", "error_type": "TOO_MANY_TOKENS"}, 400, "context_length"),
    ("cohere", 401, {"id": "x", "message": "invalid api token"}, 502, "provider_error"),
    ("cohere", 498, {"id": "x", "message": "invalid token"}, 502, "provider_error"),
    ("xai", 400, {"code": "x", "error": "Incorrect API key provided: x"}, 502, "provider_error"),
    ("xai", 429, {"code": "x", "error": "No."}, 429, "rate_limited"),
]  # fmt: skip

ASKED = [{"role": "user", "content": "hi"}]
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": ASKED}),
    "messages": ("/v1/messages", {"messages": ASKED, "max_tokens": 9}),
    "responses": ("/v1/responses", {"input": "hi"}),
    "gemini": ("/v1beta/models/{model}:{verb}", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "cohere": ("/v2/chat", {"messages": ASKED}),
    "ollama": ("/ollama/api/chat", {"messages": ASKED}),
    "converse": (
        "/model/{model}/{verb}",
        {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
    ),
}
IN_PATHS = {
    "gemini": ("generateContent", "streamGenerateContent?alt=sse"),
    "converse": ("converse", "converse-stream"),
}
"""Dialects whose paths name the model, and how they ask for an answer and for a stream."""
AWS = {
    400: (400, "ValidationException"),
    404: (404, "ResourceNotFoundException"),
    413: (413, "ValidationException"),
    429: (429, "ThrottlingException"),
    502: (424, "ModelErrorException"),
    503: (503, "ServiceUnavailableException"),
    504: (408, "ModelTimeoutException"),
}
"""Our status -> its own, and its name for the error."""
GOOGLE = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
ANTHROPIC = {
    400: "invalid_request_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_error_of_any_shape_is_told_in_the_words_of_the_client(
    yard: Yard, dialect: str, stream: bool
) -> None:
    for provider in dict.fromkeys(provider for provider, *_ in ERRORS):
        yard.provider(provider)
    await yard.open()
    for module in ("retry", "failover"):
        yard.disable(module)
    path, fields = DIALECTS[dialect]
    verb = IN_PATHS.get(dialect, ("", ""))[stream]
    for provider, status, body, our_status, code in ERRORS:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        yard.provider(provider).sends(status, {"content-type": "application/json"}, sent)
        model = f"{provider}/m"
        asked = fields if verb else {**fields, "model": model, "stream": stream}
        answer = await yard.call(path.format(model=model, verb=verb), asked)
        wanted = 529 if status == 529 and dialect == "messages" else our_status
        if dialect == "converse":
            wanted, name = AWS[our_status]
            assert answer.headers["x-amzn-errortype"] == name
        assert answer.status == wanted, (provider, status, body)
        assert said_by_us(dialect, answer.json)["code"] == code, (provider, status, body)
        check_words(dialect, answer.json, wanted)
        assert ("retry-after" in answer.headers) == (wanted in (429, 503, 529))


def said_by_us(dialect: str, body: dict[str, Any]) -> dict[str, Any]:
    beside = dialect in ("cohere", "ollama", "converse")
    said: dict[str, Any] = (body if beside else body["error"])["stockyard"]
    return said


def check_words(dialect: str, body: dict[str, Any], status: int) -> None:
    if dialect in ("chat", "responses"):
        assert {"message", "type", "param", "code"} <= body["error"].keys()
        assert (body["error"]["type"] == "server_error") == (status >= 500)
    elif dialect == "messages":
        assert body["type"] == "error"
        assert body["error"]["type"] == ANTHROPIC[status]
        assert body["request_id"]
    elif dialect == "gemini":
        assert (body["error"]["code"], body["error"]["status"]) == (status, GOOGLE[status])
    else:
        assert body["error" if dialect == "ollama" else "message"]


LIMITS = {
    "openai": ("x-ratelimit-remaining-tokens", "x-request-id"),
    "anthropic": ("anthropic-ratelimit-tokens-remaining", "request-id"),
}


@pytest.mark.parametrize("provider", LIMITS)
@pytest.mark.parametrize("status", [200, 429])
async def test_a_limit_is_told_with_answers_and_errors_alike(
    yard: Yard, provider: str, status: int
) -> None:
    """2.5: under one name, whatever the provider calls it."""
    limit, name = LIMITS[provider]
    script = yard.provider(provider)
    script = script.says("hello") if status == 200 else script.fails(status)
    script.with_headers({limit: "7", name: "req_theirs", "set-cookie": "a=b"})
    answer = await yard.chat(model=f"{provider}/m")
    assert answer.status == status
    assert answer.headers["x-ratelimit-remaining-tokens"] == "7"
    assert answer.headers["x-upstream-request-id"] == "req_theirs"
    assert "set-cookie" not in answer.headers
