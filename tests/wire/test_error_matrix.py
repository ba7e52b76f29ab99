"""Our errors in every format there is, and what whoever reads them makes of them (`wire.md` 10.4).

The error matrix and the error identity of `wire.md` 13.3: each kind of error is told in the words
of each dialect, and a gateway that stands behind this one hears the kind that was meant.
"""

import json
from itertools import product
from typing import Any

import pytest

from stockyard.wire.codec import Fault
from stockyard.wire.formats import FORMATS

# Kind, our status and code; then what OpenAI's dialect says: type and code.
KINDS = {
    "bad_request": (400, "invalid_request", "invalid_request_error", "invalid_request"),
    "context_length": (400, "context_length", "invalid_request_error", "context_length_exceeded"),
    "content_filtered": (400, "content_blocked", "invalid_request_error", "content_filter"),
    "auth": (401, "invalid_key", "invalid_request_error", "invalid_api_key"),
    "no_credit": (402, "no_credit", "insufficient_quota", "insufficient_quota"),
    "permission": (403, "model_not_allowed", "permission_error", "model_not_allowed"),
    "model_unknown": (404, "model_not_found", "invalid_request_error", "model_not_found"),
    "too_large": (413, "body_too_large", "invalid_request_error", "body_too_large"),
    "rate_limited": (429, "rate_limited", "rate_limit_error", "rate_limit_exceeded"),
    "quota_exhausted": (429, "rate_limited", "insufficient_quota", "insufficient_quota"),
    "provider_fault": (502, "provider_error", "server_error", "provider_error"),
    "overloaded": (503, "provider_error", "server_error", "provider_error"),
    "timeout": (504, "provider_timeout", "server_error", "provider_timeout"),
}
ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
}
GOOGLE = {
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    502: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
AWS = {
    400: (400, "ValidationException"),
    401: (403, "AccessDeniedException"),
    402: (403, "AccessDeniedException"),
    403: (403, "AccessDeniedException"),
    404: (404, "ResourceNotFoundException"),
    413: (413, "ValidationException"),
    429: (429, "ThrottlingException"),
    502: (424, "ModelErrorException"),
    503: (503, "ServiceUnavailableException"),
    504: (408, "ModelTimeoutException"),
}

OF_COHERE = {"cohere.chat", "cohere.embed", "cohere.rerank"}
OF_COHERE |= {"jina.rerank", "tei.rerank", "voyage.rerank"}
"""Formats that tell errors as Cohere does. Of those that rerank, NVIDIA's and IBM's do not."""

LESS_SAID = {"context_length": "bad_request", "content_filtered": "bad_request"}
LESS_SAID |= {"quota_exhausted": "rate_limited"}
"""Kinds that only OpenAI's dialect tells apart, and what they are elsewhere."""
TO_AWS = LESS_SAID | {"auth": "permission", "no_credit": "permission"}


def dialect_of(format_: str) -> str:
    house = format_.partition(".")[0]
    if house in ("anthropic", "bedrock", "ollama"):
        return house
    if house == "gemini" or format_ == "vertex.predict":
        return "gemini"
    return "cohere" if format_ in OF_COHERE else "openai"


def fault_of(kind: str) -> Fault:
    status, code, *_ = KINDS[kind]
    return Fault(
        status=status,
        kind=kind,
        code=code,
        message="No.",
        param="model",
        request_id="req_1",
        stockyard={"code": code, "trace_id": "tr_1"},
    )


def expected(dialect: str, kind: str) -> dict[str, Any]:
    """The body, without our own object."""
    status, _, type_, code = KINDS[kind]
    if dialect == "anthropic":
        said = {"type": ANTHROPIC[status], "message": "No."}
        return {"type": "error", "error": said, "request_id": "req_1"}
    if dialect == "gemini":
        name = GOOGLE.get(status, "INVALID_ARGUMENT")
        return {"error": {"code": status, "message": "No.", "status": name, "details": []}}
    if dialect == "bedrock":
        return {"message": "No."}
    if dialect == "cohere":
        return {"id": "req_1", "message": "No."}
    if dialect == "ollama":
        return {"error": "No."}
    return {"error": {"message": "No.", "type": type_, "param": "model", "code": code}}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_kind_of_error_is_told_in_the_words_of_the_format(format_: str) -> None:
    dialect = dialect_of(format_)
    for kind in KINDS:
        written = FORMATS[format_].encode_error(fault_of(kind))
        body, fields = json.loads(written.body), dict(written.fields)
        (said,) = body if format_ == "gemini.array" else (body,)
        inner = said.get("error")
        ours = (inner if isinstance(inner, dict) else said).pop("stockyard")
        assert ours == {"code": KINDS[kind][1], "trace_id": "tr_1"}
        if dialect == "gemini":
            said["error"]["details"] = []  # when to try again is told there, too
        assert said == expected(dialect, kind), kind
        status = KINDS[kind][0]
        if dialect == "bedrock":
            status, name = AWS[status]
            assert fields[b"x-amzn-errortype"] == name.encode()
        assert written.status == status
        assert (b"retry-after" in fields) is (status in (429, 503))


@pytest.mark.parametrize(("format_", "kind"), list(product(FORMATS, KINDS)))
def test_whoever_reads_an_error_of_ours_hears_its_kind(format_: str, kind: str) -> None:
    codec, dialect = FORMATS[format_], dialect_of(format_)
    written = codec.encode_error(fault_of(kind))
    heard = codec.decode_error(written.status, list(written.fields), written.body)
    told_apart = {"openai": {}, "bedrock": TO_AWS}.get(dialect, LESS_SAID)
    assert (heard.kind, heard.message) == (told_apart.get(kind, kind), "No.")
