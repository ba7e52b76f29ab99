"""The response object around an answer: its status, and the request's settings repeated.

Clients read their own settings back from it, so an answer that we write repeats the request's
fields, as the service does.
"""

from typing import Any

import msgspec

from stockyard.core.messages import Extra, Finish
from stockyard.wire.codec import Pen
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_responses.calls import Names
from stockyard.wire.openai_responses.parts import FORMAT

ID_PREFIX = "resp_"
ITEM_PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "shell_call": "sh_",
    "local_shell_call": "lsh_",
    "apply_patch_call": "apc_",
    "compaction": "cmp_",
    "image_generation_call": "ig_",
}

_DEFAULTS: dict[str, Any] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": None,
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}

_TIERS = frozenset({"auto", "default", "flex", "scale", "priority"})
"""Tiers as clients know them; other providers have words of their own."""

# What is not repeated, or is told by what happened and not by what was asked for.
_NEVER_REPEATED = frozenset(
    {"input", "include", "stream", "stream_options", "model", "store", "service_tier"}
)

_INCOMPLETE: dict[Finish, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}

_Object = dict[str, Any]


class Snapshot:
    """The object around one answer, at any moment of it."""

    __slots__ = ("_base", "_own", "id", "names", "ours")

    def __init__(self, pen: Pen, extra: Extra, service_tier: str | None, given: str = "") -> None:
        """`given` is the id that the answer has already, in whatever format."""
        asked = asked_by(pen)
        self.ours = FORMAT in extra
        """The answer came in this format."""
        # An answer of this format may be kept by its provider, and must be found there again.
        name = given if self.ours and given.startswith(ID_PREFIX) else pen.id
        self.id = name if name.startswith(ID_PREFIX) else ID_PREFIX + name
        self.names = Names(asked.get("tools"))
        self._base = {"id": self.id, "object": "response", "created_at": pen.created}
        repeated = {k: v for k, v in asked.items() if v is not None and k not in _NEVER_REPEATED}
        repeated["store"] = asked.get("store") is True
        self._own = {**_DEFAULTS, **repeated, **own_fields(extra, FORMAT), "model": pen.model}
        if service_tier is not None and (self.ours or service_tier in _TIERS):
            self._own["service_tier"] = service_tier

    def under_way(self) -> _Object:
        return self._object("in_progress", [])

    def finished(
        self,
        output: list[_Object],
        usage: _Object | None,
        finish: Finish | None,
        native: str | None,
    ) -> _Object:
        reason = _INCOMPLETE.get(finish or "stop") or (native if native in _REASONS else None)
        details = None if reason is None else {"reason": reason}
        status = "completed" if reason is None else "incomplete"
        return self._object(status, output, usage, details=details)

    def failed(self, output: list[_Object], usage: _Object | None, error: _Object) -> _Object:
        return self._object("failed", output, usage, error=error)

    def _object(
        self,
        status: str,
        output: list[_Object],
        usage: _Object | None = None,
        *,
        details: _Object | None = None,
        error: _Object | None = None,
    ) -> _Object:
        said = {"status": status, "error": error, "incomplete_details": details}
        return {**self._base, **said, **self._own, "output": output, "usage": usage}


# Reasons of the service that no other format has; the answer ends normally elsewhere.
_REASONS = frozenset({"max_messages", "steered"})


def identified(items: list[_Object], pen_id: str, status: str = "completed") -> list[_Object]:
    """Items with the ids and the status that every item of an answer has."""
    found = []
    for i, item in enumerate(items):
        named = {"id": item_id(item, pen_id, i), **item}
        if _kind(item) in WITH_STATUS:
            named.setdefault("status", status if i == len(items) - 1 else "completed")
        found.append(named)
    return found


def item_id(item: _Object, pen_id: str, position: int) -> str:
    return f"{ITEM_PREFIXES.get(_kind(item), 'item_')}{pen_id}_{position}"


def _kind(item: _Object) -> str:
    """The type of an item; empty if it is not a string."""
    kind = item.get("type")
    return kind if isinstance(kind, str) else ""


WITH_STATUS = frozenset(
    {
        *("message", "function_call", "custom_tool_call"),
        *("shell_call", "local_shell_call", "apply_patch_call"),
    }
)
"""Types of items that tell how far they are."""


def asked_by(pen: Pen) -> _Object:
    """The client's request, for the fields that the answer repeats."""
    try:
        asked = msgspec.json.decode(pen.asked) if pen.asked else {}
    except (ValueError, RecursionError):
        return {}
    return asked if isinstance(asked, dict) else {}
