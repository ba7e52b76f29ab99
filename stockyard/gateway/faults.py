"""Map errors to status, kind and code: with tables, from typed fields, never from texts.

See `wire.md` 10.2 for errors of providers and `modules.md` 1.6 for refusals of ours.
"""

from msgspec import Struct

from stockyard.core.exchange import Exchange
from stockyard.errors import Abandoned, ErrorKind, Refused, UpstreamError
from stockyard.wire.codec import Fault


class Said(Struct, frozen=True):
    """How a kind of provider error is reported to the caller."""

    status: int
    code: str
    own_status: int | None = None
    """The status if the Credential is the caller's own, who can then do something about it."""


UPSTREAM: dict[ErrorKind, Said] = {
    "bad_request": Said(400, "invalid_request"),
    "context_length": Said(400, "context_length"),
    "content_filtered": Said(400, "content_blocked"),
    "auth": Said(502, "provider_error", 401),
    "no_credit": Said(502, "no_credit", 402),
    "permission": Said(502, "provider_error", 403),
    "model_unknown": Said(404, "model_not_found"),
    "timeout": Said(504, "provider_timeout"),
    "too_large": Said(413, "body_too_large"),
    "rate_limited": Said(429, "rate_limited"),
    "quota_exhausted": Said(429, "rate_limited"),
    "overloaded": Said(503, "provider_error"),
    "provider_fault": Said(502, "provider_error"),
    "bad_answer": Said(502, "provider_error"),
    "unreachable": Said(502, "provider_error"),
    "interrupted": Said(502, "stream_interrupted"),
}

TURNED_AWAY: dict[ErrorKind, str] = {
    "auth": "refused",
    "permission": "does not allow this with",
    "no_credit": "has no credit left for",
}
"""How we say that a provider refused a Credential of ours. The provider's own words sound as if the
caller's secret were meant."""

KIND_OF_CODE: dict[str, str] = {
    "context_length": "context_length",
    "content_blocked": "content_filtered",
    "answer_blocked": "content_filtered",
    "model_not_found": "model_unknown",
    "invalid_key": "auth",
    "no_credit": "no_credit",
    "rate_limited": "rate_limited",
    "concurrency_exceeded": "rate_limited",
    "budget_exceeded": "quota_exhausted",
    "body_too_large": "too_large",
    "provider_timeout": "timeout",
    "stream_stalled": "timeout",
}
"""Our codes with a more precise kind than their status has."""

KIND_OF_STATUS: dict[int, str] = {
    400: "bad_request",
    401: "auth",
    402: "no_credit",
    403: "permission",
    404: "model_unknown",
    408: "timeout",
    413: "too_large",
    415: "bad_request",
    422: "bad_request",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
}

REPEATED = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""Statuses after which the official clients send a call again by themselves (`wire.md` 10.4)."""

DOCUMENTED = frozenset(
    {
        "address_denied",
        "answer_blocked",
        "body_too_large",
        "cache_miss",
        "concurrency_exceeded",
        "content_blocked",
        "context_length",
        "expectation_failed",
        "head_too_large",
        "http_malformed",
        "http_version",
        "idempotency_in_flight",
        "idempotency_mismatch",
        "idempotency_no_result",
        "image_unavailable",
        "internal",
        "invalid_control_header",
        "invalid_key",
        "invalid_request",
        "json_invalid",
        "kind_not_allowed",
        "limit_exceeded",
        "method_not_allowed",
        "mock_no_match",
        "model_not_found",
        "module_failed",
        "no_credit",
        "no_target",
        "not_found",
        "overloaded",
        "path_not_allowed",
        "previous_response_not_found",
        "provider_error",
        "provider_timeout",
        "rate_limited",
        "request_timeout",
        "secret_in_url",
        "server_shutdown",
        "stream_interrupted",
        "stream_stalled",
        "target_too_long",
        "thread_unsupported_request",
        "unsupported_encoding",
        "upgrade_refused",
    }
)
"""Codes that `docs/errors.md` explains. Custom modules may use others."""

GONE = 499
"""The status of a call whose client left before its end. No client ever sees it."""

KNOWS_529 = frozenset({"anthropic.messages", "anthropic.count"})
"""Formats in which a provider's status 529 is passed on; in others it becomes 503."""


def fault_of(error: Exception, x: Exchange | None, request_id: str = "") -> Fault:
    """An error in the neutral form, which codecs encode. `x` is None before there is an
    Exchange."""
    if isinstance(error, Refused):
        return _refusal(error, x, request_id)
    if isinstance(error, UpstreamError):
        return _upstream(error, x, request_id)
    if isinstance(error, Abandoned):
        return _fault(GONE, "bad_request", "abandoned", error.message, x, request_id)
    return _fault(
        500, "provider_fault", "internal", "Something went wrong inside Stockyard.", x, request_id
    )


def docs_of(code: str) -> str | None:
    """Where the documentation explains a code."""
    return f"docs/errors.md#{code}" if code in DOCUMENTED else None


def _refusal(error: Refused, x: Exchange | None, request_id: str) -> Fault:
    kind = (
        KIND_OF_CODE.get(error.code)
        or KIND_OF_STATUS.get(error.status)
        or ("provider_fault" if error.status >= 500 else "bad_request")
    )
    retry_after = error.retry_after
    in_vain = retry_after is None
    if retry_after is None and error.status in (429, 503):
        retry_after = 1.0
    return _fault(
        error.status,
        kind,
        error.code,
        error.message,
        x,
        request_id,
        param=error.param,
        retry_after=retry_after,
        in_vain=in_vain,
        module=error.module,
        detail=dict(error.detail) if error.detail else None,
    )


def _upstream(error: UpstreamError, x: Exchange | None, request_id: str) -> Fault:
    said = UPSTREAM[error.kind]
    status = said.status
    if not error.own_credential and said.own_status is not None:
        status = said.own_status
    if error.status == 529 and x is not None and x.inbound.format in KNOWS_529:
        status = 529
    code = error.code if error.code in ("stream_stalled", "limit_exceeded") else said.code
    if not error.own_credential and error.kind == "auth":
        code = "invalid_key"
    retry_after = error.retry_after
    if retry_after is None and status in (429, 503, 529):
        retry_after = 1.0
    return _fault(
        status,
        error.kind,
        code,
        _told(error, x),
        x,
        request_id,
        param=error.param,
        retry_after=retry_after,
        in_vain=error.in_vain or not error.retryable or (x is not None and len(x.attempts) > 1),
        upstream_status=error.status,
        provider=error.provider,
        timer=error.timer,
    )


def _told(error: UpstreamError, x: Exchange | None) -> str:
    """The message, with the provider's name, and whether it was our Credential that it refused."""
    provider = error.provider
    if provider is None:
        return error.message
    if error.kind in TURNED_AWAY and error.own_credential and error.status is not None:
        ours = x.target.credential if x is not None and x.target is not None else None
        which = f"the gateway's Credential '{ours.id}'" if ours is not None else "the gateway"
        return f"{provider} {TURNED_AWAY[error.kind]} {which}: {error.message}"
    if error.message.startswith("The provider"):
        return error.message.replace("The provider", f"The provider {provider}", 1)
    return error.message


def _fault(
    status: int,
    kind: str,
    code: str,
    message: str,
    x: Exchange | None,
    request_id: str,
    *,
    param: str | None = None,
    retry_after: float | None = None,
    in_vain: bool = False,
    **more: object,
) -> Fault:
    """`in_vain`: a retry cannot help, or we have retried already."""
    said: dict[str, object] = {"code": code}
    if (page := docs_of(code)) is not None:
        said["docs"] = page
    if x is not None:
        said["trace_id"] = x.trace_id
    said["request_id"] = x.request_id if x is not None else request_id
    if retry_after is not None:
        said["retry_after_ms"] = int(retry_after * 1000)
    said |= {name: value for name, value in more.items() if value is not None}
    return Fault(
        status=status,
        kind=kind,
        code=code,
        message=message,
        param=param,
        retry_after=retry_after,
        should_retry=False if in_vain and status in REPEATED else None,
        request_id=x.request_id if x is not None else request_id,
        stockyard=said,
    )
