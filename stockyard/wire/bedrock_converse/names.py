"""The format's name, what it calls the ends of an answer, and which names it takes for tools."""

import re
from collections.abc import Iterable, Mapping

from stockyard.core.messages import Finish
from stockyard.wire.tool_ids import derived

FORMAT = "bedrock.converse"

FINISHES: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
FAILED_FINISHES = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Finishes that are failures: an agent would take an `end_turn` for an answer (`wire.md` 6)."""

REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}

ACCEPTED_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
ID_PREFIX = "tooluse_"

_ACCEPTED_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_REFUSED = re.compile(r"[^a-zA-Z0-9_-]")
NO_NAMES: Mapping[str, str] = {}

_KEPT, _HASHED = 50, 12
"""Characters of a name that is too long, and of the hash behind them."""


def tool_name(name: str) -> str:
    """The name under which a tool is offered: its own, or one that is derived from it."""
    if _ACCEPTED_NAME.fullmatch(name):
        return name
    return _REFUSED.sub("_", name)[:_KEPT] + derived(name, prefix="_", length=_HASHED)


def renamed(names: Iterable[str]) -> dict[str, str]:
    """Derived names and what they stand for, of those that could not be kept."""
    return {tool_name(name): name for name in names if not _ACCEPTED_NAME.fullmatch(name)}
