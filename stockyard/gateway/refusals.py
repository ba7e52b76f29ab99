"""Refusals of the HTTP front: of requests that reach neither plane, and for unforeseen errors."""

import secrets
from typing import Any

from msgspec import json

from stockyard.errors import Refused
from stockyard.gateway.contract import Whole
from stockyard.gateway.faults import docs_of
from stockyard.gateway.http import METHODS, HttpError, field_lines

JSON = field_lines([(b"content-type", b"application/json")])
ALLOWED = field_lines([(b"allow", b", ".join(METHODS))])
EXTRA = {405: ALLOWED, 503: field_lines([(b"retry-after", b"1")])}
CODES = {
    400: "http_malformed",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    414: "target_too_long",
    417: "expectation_failed",
    431: "head_too_large",
    503: "overloaded",
    505: "http_version",
}
"""Status of a refusal by the HTTP front -> error code of the data plane."""
PROBLEM = field_lines([(b"content-type", b"application/problem+json")])
PROBLEMS = {
    408: ("request_timeout", "The request came too slowly"),
    413: ("too_large", "The body is too large"),
    503: ("overloaded", "Too much to do"),
}
"""The same for the control plane, with a title."""
STARTING = "starting", "Not ready yet"
CAUSES = {
    "connections": "load",
    "overloaded": "load",
    "memory": "memory",
    "draining": "draining",
    "starting": "starting",
    "disk": "storage_full",
}
"""Rule that refused -> cause of the overload (`reliability.md` 5.3)."""


def internal() -> Refused:
    """The answer to an error that nobody foresaw."""
    return Refused(500, "internal", "Something went wrong inside Stockyard.")


def refused_by(error: HttpError) -> Refused:
    """A refusal by the HTTP front as a Refused, for a call whose format is known.

    Whoever stops, starts or has too much to do may well answer in a second, or another one does.
    """
    cause = CAUSES.get(error.rule)
    return Refused(
        error.status,
        CODES[error.status],
        error.message,
        retry_after=1 if error.status == 503 else None,
        detail=None if cause is None else {"cause": cause},
    )


def refusal(error: HttpError) -> Whole:
    """A refusal by the HTTP front, for a request whose format is not known."""
    code = CODES[error.status]
    body: dict[str, dict[str, Any]] = {
        "error": {
            "message": error.message,
            "type": "server_error" if error.status == 503 else "invalid_request_error",
            "code": code,
            "param": None,
            "stockyard": {"code": code, "rule": error.rule, "docs": docs_of(code)},
        }
    }
    if error.rule in CAUSES:
        body["error"]["stockyard"]["detail"] = {"cause": CAUSES[error.rule]}
    return Whole(error.status, JSON + EXTRA.get(error.status, b""), json.encode(body))


def control_refusal(error: HttpError) -> Whole:
    """The same for requests to the control plane (`api.md` 1.2)."""
    code, title = STARTING if error.rule == "starting" else PROBLEMS[error.status]
    request_id = "req_" + secrets.token_hex(13)
    body = {
        "type": f"urn:stockyard:problem:{code}",
        "title": title,
        "status": error.status,
        "code": code,
        "detail": error.message,
        "request_id": request_id,
        "errors": [],
        "retry_after_ms": 1000 if error.status == 503 else None,
        "hint": None,
        "current_version": None,
        "cause": CAUSES.get(error.rule),
    }
    named = field_lines([(b"x-request-id", request_id.encode()), (b"cache-control", b"no-store")])
    return Whole(error.status, PROBLEM + named + EXTRA.get(error.status, b""), json.encode(body))
