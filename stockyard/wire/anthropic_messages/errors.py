"""Errors as Messages says them."""

from typing import Any

from stockyard.wire.anthropic_messages.threads import UNSUPPORTED
from stockyard.wire.codec import Fault, WireError
from stockyard.wire.openai_chat.errors import error_fields
from stockyard.wire.surrogates import encode

_BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def encode_error(fault: Fault) -> WireError:
    return WireError(fault.status, error_fields(fault), encode(_body(fault)))


def failed_stream(fault: Fault) -> bytes:
    kind = "overloaded_error" if fault.kind == "overloaded" else "api_error"
    return b"event: error\ndata: " + encode(_body(fault, kind)) + b"\n\n"


def _body(fault: Fault, kind: str | None = None) -> dict[str, Any]:
    default = "api_error" if fault.status >= 500 else "invalid_request_error"
    error: dict[str, Any] = {
        "type": kind or _BY_STATUS.get(fault.status, default),
        "message": fault.message,
    }
    if fault.code == UNSUPPORTED:
        # Where official clients look before they go on without a thread.
        error["details"] = {"error_code": UNSUPPORTED}
    if fault.stockyard:
        error["stockyard"] = dict(fault.stockyard)
    return {"type": "error", "error": error, "request_id": fault.request_id or None}
