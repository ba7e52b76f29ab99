"""Errors as Responses says them: chat's body, and two events at the end of a broken stream."""

import re
from typing import Any

from stockyard.wire.codec import Fault, WireError
from stockyard.wire.openai_chat import errors
from stockyard.wire.sse import Blocks, parse_block
from stockyard.wire.surrogates import decode_event, encode

# Our code -> a code of the service on which clients act: they wait, stop, or try again.
_OFFICIAL = {"rate_limited": "rate_limit_exceeded", "context_length": "context_length_exceeded"}

_NUMBER = re.compile(rb'"sequence_number":[ \t]*([0-9]{1,9})[,} \t\r\n]')
_NOTHING_KNOWN: dict[str, Any] = {"id": None, "object": "response", "output": []}


def encode_error(fault: Fault) -> WireError:
    return errors.encode_error(fault)


def failed_stream(fault: Fault) -> bytes:
    """The end of a stream of which nothing is known."""
    return failed_events(fault, dict(_NOTHING_KNOWN), None)


def failed_after(fault: Fault, first: bytes, last: bytes) -> bytes:
    """The end of a stream that was forwarded: it goes on with the provider's ids and numbers."""
    numbers = _NUMBER.findall(last) or _NUMBER.findall(first)
    following = int(numbers[-1]) + 1 if numbers else None
    return failed_events(fault, _begun(first), following)


def _begun(first: bytes) -> dict[str, Any]:
    """The response as the provider announced it."""
    for block in Blocks().feed(first):
        try:
            said_first = decode_event(parse_block(block).data or b"")
        except (ValueError, RecursionError):
            continue
        response = said_first.get("response") if isinstance(said_first, dict) else None
        if isinstance(response, dict):
            return response
    return dict(_NOTHING_KNOWN)


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
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), encode(data))
