"""Errors inside a Messages stream."""

from typing import Any

from stockyard.errors import UpstreamError
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body


def error_of(event: Any) -> UpstreamError:
    return error_in_answer(error_body(event))


def tells_error(event: Any) -> bool:
    return isinstance(event, dict) and (
        event.get("type") == "error" or ("type" not in event and bool(event.get("error")))
    )


def not_messages() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not a stream of messages.")
