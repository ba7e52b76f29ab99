"""Token counts, both ways.

`tokens` is what the model read and wrote, with the template around the messages; `billed_units` is
what is paid for, and leaves the template out. Images stand beside the input, what was cached and
what was thought inside.
"""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import Counts


def read_usage(said: Mapping[str, Any]) -> Usage | None:
    """Usage from a `usage` object; None when it counts nothing."""
    counts = Counts(said)
    tokens, billed = counts.inside("tokens"), counts.inside("billed_units")
    billed_in, billed_out = billed.get("input_tokens"), billed.get("output_tokens")
    asked, answered = tokens.get("input_tokens"), tokens.get("output_tokens")
    images = tokens.count("image_tokens")
    asked = billed_in if asked is None else asked + images
    answered = billed_out if answered is None else answered
    if asked is None and answered is None:
        return None
    if asked is None:
        counts.flag("prompt_missing")
    if answered is None:
        counts.flag("completion_missing")
    cached, reasoning = counts.count("cached_tokens"), tokens.count("reasoning_tokens")
    fresh, text = counts.minus(asked or 0, cached), counts.minus(answered or 0, reasoning)
    searches = billed.count("search_units")
    return Usage(
        in_fresh=fresh,
        in_cached=(asked or 0) - fresh,
        out_text=text,
        out_reasoning=(answered or 0) - text,
        in_image=images,
        billed_in=billed_in,
        billed_out=billed_out,
        units={"search": searches} if searches else {},
        flags=counts.flags,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of an answer. Reading it back gives the same prompt and completion."""
    billed: dict[str, Any] = {
        "input_tokens": usage.prompt if usage.billed_in is None else usage.billed_in,
        "output_tokens": usage.completion if usage.billed_out is None else usage.billed_out,
    }
    if searches := usage.units.get("search"):
        billed["search_units"] = searches
    images = min(usage.in_image, usage.prompt)
    tokens = {"input_tokens": usage.prompt - images, "output_tokens": usage.completion}
    if usage.out_reasoning:
        tokens["reasoning_tokens"] = usage.out_reasoning
    if images:
        tokens["image_tokens"] = images
    said: dict[str, Any] = {"billed_units": billed, "tokens": tokens}
    if usage.in_cached:
        said["cached_tokens"] = usage.in_cached
    return said
