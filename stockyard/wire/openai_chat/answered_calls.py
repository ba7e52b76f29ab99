"""Put tool results right after the turn with their calls: the service refuses any other order.

Other formats allow messages in between, or calls without a result.
"""

from collections.abc import Iterator
from typing import Any

from stockyard.wire.drops import Drops
from stockyard.wire.tool_ids import unanswered_call

_Object = dict[str, Any]

_NO_RESULT = "There was no result."


def with_results_behind(messages: list[_Object], drops: Drops) -> list[_Object]:
    """The messages with each result after its call, and a result for calls that have none."""
    if not any(message.get("tool_calls") for message in messages):
        return messages
    placed: list[_Object] = []
    moved: set[int] = set()
    for i, message in enumerate(messages):
        if id(message) in moved:
            continue
        placed.append(message)
        if calls := message.get("tool_calls"):
            results = list(_results(calls, messages[i + 1 :], drops))
            placed += results
            moved.update(map(id, results))
    return placed


def _results(calls: list[_Object], later: list[_Object], drops: Drops) -> Iterator[_Object]:
    open_calls = [call["id"] for call in calls if call.get("id")]
    for message in later:
        if not open_calls or message.get("tool_calls"):
            break  # another call may have the same id
        if message["role"] == "tool" and message.get("tool_call_id") in open_calls:
            open_calls.remove(message["tool_call_id"])
            yield message
    if any(message["role"] != "tool" for message in later):
        drops.add(*map(unanswered_call, open_calls))
        for call_id in open_calls:
            yield {"role": "tool", "tool_call_id": call_id, "content": _NO_RESULT}
