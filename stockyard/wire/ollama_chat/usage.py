"""Token counts, both ways. They stand beside the answer, under names of their own."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import Counts

ASKED, ANSWERED = "prompt_eval_count", "eval_count"


def read_usage(said: Mapping[str, Any]) -> Usage | None:
    """Usage from an answer or from its last line; None when it counts nothing.

    What the model still knew of the prompt is not counted: without new tokens the count is missing.
    """
    counts = Counts(said)
    asked, answered = counts.get(ASKED), counts.get(ANSWERED)
    if asked is None and answered is None:
        return None
    if asked is None:
        counts.flag("prompt_missing")
    if answered is None:
        counts.flag("completion_missing")
    return Usage(in_fresh=asked or 0, out_text=answered or 0, flags=counts.flags)


def write_usage(usage: Usage) -> dict[str, Any]:
    return {ASKED: usage.prompt, ANSWERED: usage.completion}
