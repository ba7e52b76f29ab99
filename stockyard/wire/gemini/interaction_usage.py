"""Token counts of an interaction. It is not read otherwise, but paid for like every answer."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import Counts

TOLD_BY = "total_input_tokens"
_SIDES = ("input", "output")


def read_interaction_usage(said: Mapping[str, Any]) -> Usage:
    """Usage from the `usage` of an interaction. Thoughts and tools stand beside the others here."""
    counts = Counts(said)
    asked, cached = counts.count(TOLD_BY), counts.count("total_cached_tokens")
    given, made = (_by_modality(said.get(f"{side}_tokens_by_modality")) for side in _SIDES)
    return Usage(
        in_fresh=counts.minus(asked, cached),
        in_cached=min(cached, asked),
        in_tool=counts.count("total_tool_use_tokens"),
        out_text=counts.count("total_output_tokens"),
        out_reasoning=counts.count("total_thought_tokens"),
        in_audio=given.get("audio", 0),
        in_image=given.get("image", 0),
        out_audio=made.get("audio", 0),
        out_image=made.get("image", 0),
        flags=counts.flags,
    )


def _by_modality(said: Any) -> dict[str, int]:
    found = said if isinstance(said, list) else ()
    return {
        one["modality"]: Counts(one).count("tokens")
        for one in found
        if isinstance(one, Mapping) and isinstance(one.get("modality"), str)
    }
