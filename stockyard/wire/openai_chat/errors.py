"""Error bodies of chat, shared by Completions, Responses and the other kinds of call."""

import math
from typing import Any

from stockyard.wire.codec import Fault, WireError
from stockyard.wire.surrogates import encode

# Our code -> the code that clients of this format know (`wire.md` 10.4). Others stay as they are.
_CODES = {
    "context_length": "context_length_exceeded",
    "content_blocked": "content_filter",
    "invalid_key": "invalid_api_key",
    "rate_limited": "rate_limit_exceeded",
    "no_credit": "insufficient_quota",
}

_TYPES = {
    "permission": "permission_error",
    "no_credit": "insufficient_quota",
    "quota_exhausted": "insufficient_quota",
    "rate_limited": "rate_limit_error",
}

_TYPES_BY_STATUS = {402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}


def encode_error(fault: Fault) -> WireError:
    return WireError(fault.status, error_fields(fault), encode(_body(fault)))


def failed_stream(fault: Fault) -> bytes:
    return b"data: " + encode(_body(fault, kind="server_error")) + b"\n\n"


def error_fields(fault: Fault) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of an error, the same in every dialect."""
    fields = [(b"content-type", b"application/json")]
    if fault.status in (429, 503) or fault.retry_after is not None:
        fields.append((b"retry-after", b"%d" % max(1, math.ceil(fault.retry_after or 1))))
    if fault.should_retry is not None:
        fields.append((b"x-should-retry", b"true" if fault.should_retry else b"false"))
    return tuple(fields)


def _body(fault: Fault, kind: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {
        "message": fault.message,
        "type": kind or _type(fault),
        "param": fault.param,
        "code": _code(fault),
    }
    if fault.stockyard:
        error["stockyard"] = dict(fault.stockyard)
    return {"error": error}


def _type(fault: Fault) -> str:
    if fault.status >= 500:
        return "server_error"
    by_status = _TYPES_BY_STATUS.get(fault.status, "invalid_request_error")
    return _TYPES.get(fault.kind, by_status)


def _code(fault: Fault) -> str:
    if fault.kind == "quota_exhausted" and fault.code == "rate_limited":
        return "insufficient_quota"
    if fault.status >= 500:
        return fault.code
    return _CODES.get(fault.code, fault.code)
