"""Error bodies of Ollama, also as a line of a stream."""

from typing import Any

from stockyard.wire.codec import Fault, WireError
from stockyard.wire.openai_chat.errors import error_fields
from stockyard.wire.surrogates import encode


def encode_error(fault: Fault) -> WireError:
    return WireError(fault.status, error_fields(fault), _body(fault))


def failed_stream(fault: Fault) -> bytes:
    return _body(fault) + b"\n"


def _body(fault: Fault) -> bytes:
    body: dict[str, Any] = {"error": fault.message}
    if fault.stockyard:
        body["stockyard"] = dict(fault.stockyard)
    return encode(body)
