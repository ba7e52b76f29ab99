"""Give every call a result: the service refuses a conversation that went on without one."""

from typing import Any

from stockyard.wire.drops import Drops
from stockyard.wire.openai_responses.calls import Names
from stockyard.wire.tool_ids import unanswered_call

_Object = dict[str, Any]

_RESULTS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
}
"""Types of calls -> those of their results."""
_WAITING = frozenset({*_RESULTS, "reasoning"})
_NO_RESULT = "There was no result."


def with_all_results(items: list[_Object], drops: Drops, names: Names) -> list[_Object]:
    """The items, with a word for calls that have no result although something comes after them."""
    last = max((i for i, item in enumerate(items) if item.get("type") not in _WAITING), default=0)
    answered = {item.get("call_id") for item in items if item.get("type") in _RESULTS.values()}
    complete: list[_Object] = []
    for i, item in enumerate(items):
        complete.append(item)
        kind = _RESULTS.get(item.get("type", ""))
        if kind is None or names.of_provider(item):
            continue
        if i < last and item["call_id"] not in answered:
            drops.add(unanswered_call(item["call_id"]))
            complete.append({"type": kind, "call_id": item["call_id"], "output": _NO_RESULT})
    return complete
