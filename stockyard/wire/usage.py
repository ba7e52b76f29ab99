"""Read and write the token counts of chat-like formats.

Providers use the same names with different meanings: which counts include which differs, and traits
tell (`wire.md` 7.2). Reading makes the counts disjoint; impossible ones are clamped and flagged, so
that no price rests on them unnoticed.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.codec import Traits

ABSURD = 1_000_000_000
"""No call consumes this many tokens; a larger count is not believed."""

MAX_COUNTS = 256
"""Names in one usage object. Of those that a stream tells beyond them, no new ones are kept."""

_WRITTEN = ("5m", "30m", "1h", "12h")


class Counts:
    """Reads counts from a provider's usage object and flags odd ones."""

    __slots__ = ("_flags", "_said")

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said = said
        self._flags: list[str] = []

    def get(self, name: str) -> int | None:
        """A count; None when it is absent or cannot be one."""
        value = self._said.get(name)
        if value is None:
            return None
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not 0 <= value <= ABSURD:
            self.flag("usage_invalid")
            return None
        return value

    def count(self, name: str) -> int:
        return self.get(name) or 0

    def inside(self, name: str) -> "Counts":
        """The counts of an object in the object; none if it is not there."""
        value = self._said.get(name)
        inner = Counts(value if isinstance(value, Mapping) else {})
        inner._flags = self._flags
        return inner

    def minus(self, whole: int, part: int) -> int:
        """What is left of a whole; nothing is ever negative."""
        if part > whole:
            self.flag("usage_inconsistent")
            return 0
        return whole - part

    def flag(self, name: str) -> None:
        if name not in self._flags:
            self._flags.append(name)

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(self._flags)


def read_chat_usage(said: Mapping[str, Any], traits: Traits = frozenset()) -> Usage | None:
    """Usage from `prompt_tokens` and its like; None when it counts nothing."""
    plain = _plain(said, traits)
    return plain if plain is not None else _odd(said, traits)


_PLAIN_KEYS = frozenset(
    {
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    }
)


def _plain(said: Mapping[str, Any], traits: Traits) -> Usage | None:
    """The shape that nearly every answer has, read quickly; None when anything is unusual.

    On the path of every call. What it says is what `_odd` would say.
    """
    prompt, completion = said.get("prompt_tokens"), said.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int or not said.keys() <= _PLAIN_KEYS:
        return None
    total = prompt + completion
    cached = reasoning = 0
    if details := said.get("prompt_tokens_details"):
        cached = _only(details, "cached_tokens")
    if details := said.get("completion_tokens_details"):
        reasoning = _only(details, "reasoning_tokens")
    if (
        said.get("total_tokens", total) != total
        or not 0 <= cached <= prompt <= ABSURD
        or not 0 <= reasoning <= completion <= ABSURD
        or (reasoning and "reasoning_outside_completion" in traits)
    ):
        return None
    return Usage(
        in_fresh=prompt - cached,
        in_cached=cached,
        out_text=completion - reasoning,
        out_reasoning=reasoning,
    )


def _only(details: Any, name: str) -> int:
    """The one count of these details; -1 when another one counts something."""
    if type(details) is not dict:
        return -1
    found = 0
    for key, value in details.items():
        if key == name:
            if value is not None:
                found = value if type(value) is int else -1
        elif value and key not in _PREDICTIONS:
            return -1
    return found


_PREDICTIONS = frozenset({"accepted_prediction_tokens", "rejected_prediction_tokens"})
"""Inside the completion tokens, and of no account of their own."""


def _odd(said: Mapping[str, Any], traits: Traits) -> Usage | None:
    counts = Counts(said)
    prompt, completion = counts.get("prompt_tokens"), counts.get("completion_tokens")
    if prompt is None and completion is None:
        return None
    if prompt is None:
        counts.flag("prompt_missing")
    if completion is None:
        counts.flag("completion_missing")
    total = counts.get("total_tokens")
    of_prompt = counts.inside("prompt_tokens_details")
    of_completion = counts.inside("completion_tokens_details")
    heard = of_prompt.count("audio_tokens")
    asked = (prompt or 0) + (heard if "audio_outside_prompt" in traits else 0)
    out_text, out_reasoning = _split_output(counts, asked, completion or 0, total, traits)
    before = of_prompt.inside("cached_tokens_details")
    written = _written(of_prompt)
    fresh, cached = _split_input(
        counts, asked, sum(written.values()), completion or 0, total, traits
    )
    return Usage(
        in_fresh=fresh,
        in_cached=cached,
        **written,
        out_text=out_text,
        out_reasoning=out_reasoning,
        in_audio=heard,
        in_image=of_prompt.count("image_tokens"),
        out_audio=of_completion.count("audio_tokens"),
        out_image=of_completion.count("image_tokens"),
        in_cached_audio=before.count("audio_tokens"),
        in_cached_image=before.count("image_tokens"),
        server_tools=_server_tools(counts),
        provider_cost_micros=read_cost(said),
        flags=counts.flags,
    )


def write_chat_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of a chat answer. Reading it back gives the same prompt and completion."""
    of_prompt: dict[str, Any] = {"cached_tokens": usage.in_cached}
    if usage.in_written:
        of_prompt["cache_write_tokens"] = usage.in_written
        by_ttl = {f"ttl_{ttl}_tokens": getattr(usage, f"in_written_{ttl}") for ttl in _WRITTEN}
        if any(by_ttl.values()):
            of_prompt["cache_write_tokens_details"] = {k: n for k, n in by_ttl.items() if n}
    if usage.in_audio:
        of_prompt["audio_tokens"] = usage.in_audio
    if usage.in_image:
        of_prompt["image_tokens"] = usage.in_image
    before = {"audio_tokens": usage.in_cached_audio, "image_tokens": usage.in_cached_image}
    if any(before.values()):
        of_prompt["cached_tokens_details"] = {name: n for name, n in before.items() if n}
    of_completion: dict[str, Any] = {"reasoning_tokens": usage.out_reasoning}
    if usage.out_audio:
        of_completion["audio_tokens"] = usage.out_audio
    if usage.out_image:
        of_completion["image_tokens"] = usage.out_image
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.total,
        "prompt_tokens_details": of_prompt,
        "completion_tokens_details": of_completion,
    }


def merged(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Usage of a stream so far: the last value that is not null wins, field by field.

    Counts are never added: providers repeat them, and some send running totals. Nor do they fall
    back to nothing: who ends with zeros has counted before.
    """
    if len(earlier) + len(later) > MAX_COUNTS:
        later = {name: later[name] for name in earlier if name in later}
    return {
        **earlier,
        **{name: value for name, value in later.items() if value or name not in earlier},
    }


def _split_output(
    counts: Counts, prompt: int, completion: int, total: int | None, traits: Traits
) -> tuple[int, int]:
    """Text and reasoning. Is the reasoning inside the completion? In the order of `wire.md` 7.2."""
    details = counts.inside("completion_tokens_details")
    reasoning = details.count("reasoning_tokens") or counts.count("reasoning_tokens")
    if "reasoning_outside_completion" in traits or (
        reasoning and total == prompt + completion + reasoning
    ):
        return completion, reasoning
    if reasoning > completion:
        if total != prompt + completion:
            return completion, reasoning
        # Counted again by other rules than the tokens that are paid.
        counts.flag("usage_inconsistent")
        return 0, completion
    if "reasoning_only_in_total" in traits and not reasoning:
        return completion, max((total or 0) - prompt - completion, 0)
    beside = sum(_cached_and_written(counts))
    if total not in (None, prompt + completion, prompt + completion + beside):
        counts.flag("usage_inconsistent")
    return completion - reasoning, reasoning


def _split_input(
    counts: Counts, prompt: int, written: int, completion: int, total: int | None, traits: Traits
) -> tuple[int, int]:
    """Fresh and cached tokens of the prompt."""
    hit, miss = counts.get("prompt_cache_hit_tokens"), counts.get("prompt_cache_miss_tokens")
    if "usage_deepseek_cache" in traits and hit is not None and miss is not None:
        return miss, hit
    cached, _ = _cached_and_written(counts)
    if cached + written <= prompt:
        return prompt - cached - written, cached
    if "cached_may_exceed_prompt" not in traits and total == prompt + completion + cached + written:
        return prompt, cached
    counts.flag("usage_inconsistent")
    return 0, max(prompt - written, 0)


def _cached_and_written(counts: Counts) -> tuple[int, int]:
    details = counts.inside("prompt_tokens_details")
    cached = details.count("cached_tokens") or counts.count("cached_tokens")
    return cached, details.count("cache_write_tokens")


def _written(details: Counts) -> dict[str, Any]:
    """Tokens written to the cache, by time to live where the provider tells it."""
    written = details.count("cache_write_tokens")
    by_ttl = details.inside("cache_write_tokens_details")
    split = {f"in_written_{ttl}": by_ttl.count(f"ttl_{ttl}_tokens") for ttl in _WRITTEN}
    split["in_written_other"] = max(written - sum(split.values()), 0)
    return {name: count for name, count in split.items() if count}


def _server_tools(counts: Counts) -> dict[str, int]:
    searches = counts.count("num_search_queries")
    return {"web_search": searches} if searches else {}


def read_cost(said: Mapping[str, Any]) -> int | None:
    """What the provider says the call cost, in micro-dollars."""
    ticks = said.get("cost_in_usd_ticks")
    if type(ticks) is int and ticks >= 0:
        return ticks // 10_000
    cost = said.get("cost")
    if cost is None:
        cost = said.get("estimated_cost")
    if isinstance(cost, Mapping):
        cost = cost.get("total_cost")
    if cost is None or isinstance(cost, bool):
        return None
    try:
        micros = Decimal(str(cost)) * 1_000_000
        return int(micros) if 0 <= micros <= ABSURD * 1_000_000 else None
    except (InvalidOperation, ValueError):
        return None
