"""Errors inside a Responses stream."""

from typing import Any

from stockyard.errors import UpstreamError
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body


def error_of(event: Any) -> UpstreamError:
    """The error of an `error` or a `response.failed` event."""
    response = event.get("response") if isinstance(event, dict) else None
    if isinstance(response, dict):
        error = response.get("error")
        return error_in_answer(error_body({"error": error if isinstance(error, dict) else {}}))
    if isinstance(event, dict) and not isinstance(event.get("error"), dict):
        # The flat form: its `type` is that of the event and says nothing of the error.
        event = {key: value for key, value in event.items() if key != "type"}
    return error_in_answer(error_body(event))


def tells_error(event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    kind = event.get("type")
    return kind in ("error", "response.failed") or (kind is None and bool(event.get("error")))


def not_responses() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not a stream of a response.")
