"""Errors as Responses says them: chat's body, and two events at the end of a broken stream."""

from typing import Any

import msgspec

from stockyard.wire.codec import Fault, WireError
from stockyard.wire.openai_chat import errors

# Our code -> a code of the service on which clients act: they wait, stop, or try again.
_OFFICIAL = {"rate_limited": "rate_limit_exceeded", "context_length": "context_length_exceeded"}


def encode_error(fault: Fault) -> WireError:
    return errors.encode_error(fault)


def failed_stream(fault: Fault) -> bytes:
    """The end of a stream that was forwarded; its numbers and its snapshot are the provider's."""
    return failed_events(fault, {"id": None, "object": "response", "output": []}, None)


def failed_events(fault: Fault, snapshot: dict[str, Any], number: int | None) -> bytes:
    """The `error` event that SDKs raise on, then the `response.failed` that other clients read.

    The error stands flat, as the reference says, and nested, as the service sends it: the SDKs
    raise on the nested one only.
    """
    code = _OFFICIAL.get(fault.code, fault.code)
    plain = {"code": code, "message": fault.message, "param": fault.param}
    nested: dict[str, Any] = {"type": "server_error", **plain}
    if fault.stockyard:
        nested["stockyard"] = dict(fault.stockyard)
    said = {"type": "error", **numbered(number), **plain, "error": nested}
    failure = {"code": official(fault), "message": fault.message}
    response = {**snapshot, "status": "failed", "error": failure}
    following = None if number is None else number + 1
    return event("error", said) + event(
        "response.failed",
        {"type": "response.failed", **numbered(following), "response": response},
    )


def official(fault: Fault) -> str:
    """A code that clients of this format know. Ours says more, and stands in the `error` event."""
    if fault.code in _OFFICIAL:
        return _OFFICIAL[fault.code]
    return "server_error" if fault.status >= 500 else fault.code


def numbered(number: int | None) -> dict[str, int]:
    return {} if number is None else {"sequence_number": number}


def event(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(data))
