"""Errors as the format says them."""

from typing import Any

from stockyard.wire.codec import Fault, WireError
from stockyard.wire.openai_chat.errors import error_fields
from stockyard.wire.surrogates import encode


def encode_error(fault: Fault) -> WireError:
    body: dict[str, Any] = {"id": fault.request_id, "message": fault.message}
    if fault.stockyard:
        body["stockyard"] = dict(fault.stockyard)
    return WireError(fault.status, error_fields(fault), encode(body))


def failed_stream(fault: Fault) -> bytes:
    """Clients know no error in a stream: the message ends with one."""
    ending = {"finish_reason": "ERROR", "error": fault.message}
    event: dict[str, Any] = {"type": "message-end", "delta": ending}
    if fault.stockyard:
        event["stockyard"] = dict(fault.stockyard)
    return b"event: message-end\ndata: " + encode(event) + b"\n\n"
