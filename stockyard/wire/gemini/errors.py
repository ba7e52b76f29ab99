"""Errors as the format says them."""

import math
from typing import Any

from stockyard.wire.codec import Fault, WireError
from stockyard.wire.openai_chat.errors import error_fields
from stockyard.wire.surrogates import encode

_BY_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"


def encode_error(fault: Fault) -> WireError:
    return WireError(fault.status, error_fields(fault), document(fault, fault.status))


def broken(fault: Fault) -> bytes:
    """The error as the last event of a stream. After most of them it is worth trying again."""
    transient = fault.status >= 500 and fault.status != 504
    return document(fault, 503 if transient else fault.status)


def document(fault: Fault, status: int) -> bytes:
    default = "INTERNAL" if status >= 500 else "INVALID_ARGUMENT"
    error: dict[str, Any] = {
        "code": status,
        "message": fault.message,
        "status": _BY_STATUS.get(status, default),
        "details": _details(fault),
    }
    if fault.stockyard:
        error["stockyard"] = dict(fault.stockyard)
    return encode({"error": error})


def _details(fault: Fault) -> list[dict[str, Any]]:
    """Clients of this format look for the time to wait here, not in the head."""
    if fault.retry_after is None:
        return []
    return [{"@type": _RETRY_INFO, "retryDelay": f"{max(1, math.ceil(fault.retry_after))}s"}]
