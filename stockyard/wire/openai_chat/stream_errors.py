"""Errors inside a chat stream, in any of the shapes that providers send (`streaming.md` S15)."""

from typing import Any

from stockyard.errors import UpstreamError
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.openai_chat.response import error_of_base, failed_base


def error_of(chunk: Any) -> UpstreamError:
    """The error that an event of a stream reports, in any of the shapes seen."""
    if isinstance(chunk, dict):
        if failed_base(chunk.get("base_resp")):
            return error_of_base(chunk["base_resp"])
        beside = chunk.get("x_groq")
        if not chunk.get("error") and isinstance(beside, dict) and beside.get("error"):
            return error_in_answer(error_body({"error": beside["error"]}))
    return error_in_answer(error_body(chunk))


def not_chat() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not a chat stream.")


def tells_error(chunk: Any) -> bool:
    if not isinstance(chunk, dict):
        return False
    if chunk.get("error") or chunk.get("object") == "error" or failed_base(chunk.get("base_resp")):
        return True
    beside = chunk.get("x_groq")
    return isinstance(beside, dict) and bool(beside.get("error"))
