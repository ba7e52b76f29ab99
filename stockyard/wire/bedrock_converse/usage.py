"""Token counts of the format, both ways. The cache stands beside the input, not inside it."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import Counts

_WRITTEN_BY_TTL = {"5m": "in_written_5m", "1h": "in_written_1h"}


def read_usage(said: Mapping[str, Any]) -> Usage | None:
    """Usage from a `usage` object; None when it counts nothing.

    The counts of the cache come under two names at once (`cacheReadInputTokens` and
    `cacheReadInputTokenCount`): only the first is read, for they are the same tokens.
    """
    counts = Counts(said)
    given, written_out = counts.get("inputTokens"), counts.get("outputTokens")
    if given is None and written_out is None:
        return None
    if given is None:
        counts.flag("prompt_missing")
    if written_out is None:
        counts.flag("completion_missing")
    read, written = counts.count("cacheReadInputTokens"), counts.count("cacheWriteInputTokens")
    total = (given or 0) + (written_out or 0)
    if counts.get("totalTokens") not in (None, total, total + read + written):
        counts.flag("usage_inconsistent")
    return Usage(
        in_fresh=given or 0,
        in_cached=read,
        **_written(counts, said, written),
        out_text=written_out or 0,
        flags=counts.flags,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of an answer. Reading it back gives the same prompt and completion."""
    counts: dict[str, Any] = {
        "inputTokens": usage.in_fresh + usage.in_tool,
        "outputTokens": usage.completion,
        "totalTokens": usage.total,
    }
    if usage.in_cached or usage.in_written:
        counts["cacheReadInputTokens"] = usage.in_cached
        counts["cacheWriteInputTokens"] = usage.in_written
    by_ttl = [
        {"ttl": ttl, "inputTokens": count}
        for ttl, name in _WRITTEN_BY_TTL.items()
        if (count := getattr(usage, name))
    ]
    if by_ttl:
        counts["cacheDetails"] = by_ttl
    return counts


def _written(counts: Counts, said: Mapping[str, Any], written: int) -> dict[str, Any]:
    """Cache writes by time to live, where the provider splits them; their sum is `written`."""
    split: dict[str, Any] = {}
    details = said.get("cacheDetails")
    for detail in details if isinstance(details, list) else ():
        name = _WRITTEN_BY_TTL.get(str(detail.get("ttl"))) if isinstance(detail, Mapping) else None
        if name is not None:
            split[name] = split.get(name, 0) + Counts(detail).count("inputTokens")
    told = sum(split.values())
    if told > written:
        counts.flag("usage_inconsistent")
        return {"in_written_5m": written}
    # Without a word about it, the cache keeps what was written for five minutes.
    split["in_written_5m"] = split.get("in_written_5m", 0) + written - told
    return split
