"""Token counts of Messages, both ways. Here the cache stands beside the input, not inside it."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import ABSURD, MAX_COUNTS, Counts

_CREATED = "cache_creation_input_tokens"
_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", _CREATED)


_PLAIN_KEYS = frozenset({*_COUNTS, "cache_creation", "service_tier", "inference_geo"})


def read_usage(said: Mapping[str, Any]) -> Usage | None:
    """Usage from a whole object, or from one merged over a stream; None when it counts nothing."""
    plain = _plain(said)
    return plain if plain is not None else _odd(said)


def _plain(said: Mapping[str, Any]) -> Usage | None:
    """The shape that most answers have, read quickly; None when anything is unusual.

    On the path of every call. What it says is what `_odd` would say.
    """
    if not said.keys() <= _PLAIN_KEYS:
        return None
    fresh, written_out = said.get("input_tokens"), said.get("output_tokens")
    cached, written = said.get("cache_read_input_tokens", 0), said.get(_CREATED, 0)
    split = said.get("cache_creation") or {}
    if (
        type(fresh) is not int
        or type(written_out) is not int
        or type(cached) is not int
        or min(fresh, written_out, cached) < 0
        or max(fresh, written_out, cached) > ABSURD
        or written != 0
        or type(written) is not int
        or type(split) is not dict
        or any(split.values())
    ):
        return None
    return Usage(in_fresh=fresh, in_cached=cached, out_text=written_out)


def _odd(said: Mapping[str, Any]) -> Usage | None:
    passes = said.get("iterations")
    if isinstance(passes, list) and passes:
        # The counts on top leave out some passes (compaction); their sum does not.
        said = {**said, **_summed([p for p in passes if isinstance(p, Mapping)])}
    counts = Counts(said)
    given, written_out = counts.get("input_tokens"), counts.get("output_tokens")
    if given is None and written_out is None:
        return None
    if given is None:
        counts.flag("prompt_missing")
    if written_out is None:
        counts.flag("completion_missing")
    thinking = counts.inside("output_tokens_details").count("thinking_tokens")
    out_text = counts.minus(written_out or 0, thinking)
    return Usage(
        in_fresh=given or 0,
        in_cached=counts.count("cache_read_input_tokens"),
        **_written(counts),
        out_text=out_text,
        out_reasoning=min(thinking, written_out or 0),
        server_tools=_server_tools(said),
        flags=counts.flags,
    )


def usage_at_start(said: object) -> dict[str, Any]:
    """What the first event of a stream counts. Its output is no count: nothing was written yet."""
    if not isinstance(said, dict) or len(said) > MAX_COUNTS:
        return {}
    return {name: count for name, count in said.items() if name != "output_tokens"}


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of an answer. Reading it back gives the same prompt and completion."""
    counts: dict[str, Any] = {
        "input_tokens": usage.in_fresh + usage.in_tool,
        "cache_creation_input_tokens": usage.in_written,
        "cache_read_input_tokens": usage.in_cached,
        "output_tokens": usage.completion,
    }
    if usage.in_written:
        long = usage.in_written_1h + usage.in_written_12h
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage.in_written - long,
            "ephemeral_1h_input_tokens": long,
        }
    if usage.out_reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": usage.out_reasoning}
    if usage.server_tools:
        made = {f"{name}_requests": n for name, n in usage.server_tools.items()}
        # Clients require both counts that they know.
        counts["server_tool_use"] = {"web_search_requests": 0, "web_fetch_requests": 0, **made}
    return counts


def _written(counts: Counts) -> dict[str, Any]:
    """Cache writes by time to live. What the split leaves out of their total was written for the
    usual time: a search of the provider's own writes, too, and is not in the split."""
    by_ttl = counts.inside("cache_creation")
    short, long = (by_ttl.count(f"ephemeral_{ttl}_input_tokens") for ttl in ("5m", "1h"))
    whole = counts.count("cache_creation_input_tokens")
    return {"in_written_5m": max(whole - long, short), "in_written_1h": long}


def _summed(passes: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts summed over all passes; counts that no pass has are taken from the top level."""
    total: dict[str, Any] = {}
    for name in _COUNTS:
        if any(p.get(name) is not None for p in passes):
            total[name] = sum(Counts(p).count(name) for p in passes)
    splits = [p["cache_creation"] for p in passes if isinstance(p.get("cache_creation"), Mapping)]
    if splits:
        names = {name for split in splits for name in split}
        total["cache_creation"] = {n: sum(Counts(s).count(n) for s in splits) for n in names}
    return total


def _server_tools(said: Mapping[str, Any]) -> dict[str, int]:
    used = said.get("server_tool_use")
    if not isinstance(used, Mapping):
        return {}
    counts = Counts(used)
    return {n.removesuffix("_requests"): c for n in used if (c := counts.count(n))}
