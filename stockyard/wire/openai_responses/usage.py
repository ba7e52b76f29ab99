"""Token counts of Responses, both ways: those of chat under other names."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.codec import Traits
from stockyard.wire.usage import read_chat_usage, write_chat_usage

_NAMES = {
    "input_tokens": "prompt_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens": "completion_tokens",
    "output_tokens_details": "completion_tokens_details",
}

_TTLS = {"ttl_12h_tokens": 0, "ttl_30m_tokens": 0}
"""What the official types want wherever the writes are split."""

# Providers that count reasoning outside in chat count it inside here (`wire.md` 7.2).
_CHAT_ONLY = frozenset({"reasoning_outside_completion"})


def read_usage(said: Mapping[str, Any], traits: Traits = frozenset()) -> Usage | None:
    """Usage from `input_tokens` and its like; None when it counts nothing."""
    renamed = {_NAMES.get(name, name): value for name, value in said.items()}
    return read_chat_usage(renamed, traits - _CHAT_ONLY)


def write_usage(usage: Usage, *, own: bool = False) -> dict[str, Any]:
    """The usage object of an answer. Reading it back gives the same prompt and completion.

    `own`: the answer came in this format, and its provider need not have counted all there is.
    """
    said = write_chat_usage(usage)
    counts = {name: said[chat] for name, chat in _NAMES.items()}
    asked = counts["input_tokens_details"]
    if not own:
        asked.setdefault("cache_write_tokens", 0)
    if "cache_write_tokens_details" in asked:
        asked["cache_write_tokens_details"] = _TTLS | asked["cache_write_tokens_details"]
    return {**counts, "total_tokens": said["total_tokens"]}
