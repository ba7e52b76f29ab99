"""Arguments of tool calls, as the JSON text a model wrote or as an object."""

from typing import Any

import msgspec

from stockyard.core.messages import ToolCall
from stockyard.wire.drops import Drops
from stockyard.wire.free_text import INPUT
from stockyard.wire.surrogates import encode


def arguments_object(text: str) -> Any:
    """A call's arguments as an object. Text that is no object is kept under `_raw`."""
    value = _object_in(text)
    return {"_raw": text} if value is None else value


def given_to(call: ToolCall, drops: Drops) -> Any:
    """A call's arguments as an object; reports in `drops` if they were not one."""
    if call.kind == "custom":
        return {INPUT: call.arguments}
    value = _object_in(call.arguments)
    if value is None:
        drops.add("messages.tool_calls.arguments")
        return {"_raw": call.arguments}
    return value


def _object_in(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    if value is None:
        return {}  # what some models write for a tool that takes nothing
    return value if isinstance(value, dict) else None


def compact(value: Any) -> str:
    """A value as JSON text, without blanks."""
    return encode(value).decode()
