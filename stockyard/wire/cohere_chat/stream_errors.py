"""Errors inside a chat stream."""

from typing import Any

from stockyard.errors import UpstreamError
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body


def error_of(event: Any) -> UpstreamError:
    return error_in_answer(error_body(event))


def tells_error(event: Any) -> bool:
    """Whether an event is an error's body: events have a type, and errors have words."""
    return isinstance(event, dict) and "type" not in event and bool({"error", "message"} & {*event})


def not_cohere() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not a chat stream.")
