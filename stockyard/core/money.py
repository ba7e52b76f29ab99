"""Usage: what a call consumed, in one normal form whatever the provider calls it.

All counts are disjoint and never negative, and totals are sums, so nothing can be counted twice
(`wire.md` 7.1). Providers disagree on what contains what; the codecs undo that when they read.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

Source = Literal["reported", "estimated", "mixed"]


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one call. `prompt`, `completion` and `total` are sums of the disjoint parts."""

    in_fresh: int = 0
    in_cached: int = 0
    """Read from the provider's prompt cache."""
    in_written_5m: int = 0
    in_written_30m: int = 0
    in_written_1h: int = 0
    in_written_12h: int = 0
    in_written_other: int = 0
    """Written to the provider's prompt cache, by time to live."""
    in_tool: int = 0
    """Prompt tokens that the provider adds for tool use."""
    out_text: int = 0
    out_reasoning: int = 0
    in_audio: int = 0
    in_image: int = 0
    out_audio: int = 0
    out_image: int = 0
    """The last four refine the counts above; they do not add to them."""
    in_cached_audio: int = 0
    in_cached_image: int = 0
    """Of `in_audio` and `in_image`, what was read from the cache, as far as a provider tells."""
    billed_in: int | None = None
    billed_out: int | None = None
    """What is paid for, where a provider says that it is not the tokens above."""
    server_tools: dict[str, int] = {}
    units: dict[str, int] = {}
    """What is not counted in tokens: `second`, `character`, `image`, `search`, `rerank_unit`."""
    provider_cost_micros: int | None = None
    source: Source = "reported"
    flags: tuple[str, ...] = ()
    """What was odd about the provider's figures, such as `usage_inconsistent`."""

    @property
    def in_written(self) -> int:
        return (
            self.in_written_5m
            + self.in_written_30m
            + self.in_written_1h
            + self.in_written_12h
            + self.in_written_other
        )

    @property
    def prompt(self) -> int:
        return (
            self.in_fresh
            + self.in_cached
            + self.in_written_5m
            + self.in_written_30m
            + self.in_written_1h
            + self.in_written_12h
            + self.in_written_other
            + self.in_tool
        )

    @property
    def completion(self) -> int:
        return self.out_text + self.out_reasoning

    @property
    def total(self) -> int:
        return self.prompt + self.completion


def total_of(usages: Sequence[Usage | None]) -> Usage | None:
    """What several calls used together; None when one of them did not tell."""
    reported = [usage for usage in usages if usage is not None]
    if not reported or len(reported) < len(usages):
        return None
    sums: dict[str, Any] = {}
    for usage in reported:
        for name, count in asdict(usage).items():
            if type(count) is int:
                sums[name] = sums.get(name, 0) + count
    if "billed_in" in sums:
        sums["billed_in"] = sum(_billed(usage.billed_in, usage.prompt) for usage in reported)
    if "billed_out" in sums:
        sums["billed_out"] = sum(_billed(usage.billed_out, usage.completion) for usage in reported)
    sources = {usage.source for usage in reported}
    return Usage(
        **sums,
        server_tools=_added(usage.server_tools for usage in reported),
        units=_added(usage.units for usage in reported),
        source=sources.pop() if len(sources) == 1 else "mixed",
        flags=tuple(dict.fromkeys(flag for usage in reported for flag in usage.flags)),
    )


def together(one: Usage | None, other: Usage | None) -> Usage | None:
    """What two used, as far as they report it."""
    return total_of([usage for usage in (one, other) if usage is not None])


def _billed(said: int | None, tokens: int) -> int:
    """What is paid for, also of one of several whose provider bills all of its tokens."""
    return tokens if said is None else said


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for named in counts:
        for name, count in named.items():
            sums[name] = sums.get(name, 0) + count
    return sums
