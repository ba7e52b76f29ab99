"""The price of a model, and the cost of a call at that price: in integers, without rounding.

A rate is a whole number of picodollars for one unit: a token, a second, an image. That is the same
number as micro-dollars for a million units, which is how price lists state it. A cost is therefore
an exact whole number of picodollars; it is stored as micro-dollars and a remainder in millionths of
one (`apps.md` 0.2), and rounded once, where it is displayed.

A usage is split into disjoint quantities, and each is priced once. A quantity without a rate of its
own has the rate of its more general kind: reasoning is output, a cache read is input. If a quantity
has no rate at all, the whole call is unpriced: unknown is not zero.
"""

from datetime import date
from typing import Literal, NamedTuple

from msgspec import Struct

from stockyard.core.money import Usage

PriceState = Literal["priced", "unpriced", "free", "provider", "estimated"]
Lines = dict[str, int]
"""Dimension -> picodollars per unit."""

MICRO = 1_000_000
"""Picodollars in a micro-dollar."""
DAY_MS = 86_400_000
MINUTE_MS = 60_000

KIND_OF = {
    "cache_read": "input",
    "cache_write_5m": "input",
    "cache_write_1h": "cache_write_5m",
    "audio_in": "input",
    "image_in": "input",
    "audio_cache_read": "cache_read",
    "image_cache_read": "cache_read",
    "reasoning": "output",
    "audio_out": "output",
    "image_out": "output",
    "search": "tool_call",
}
"""Dimension -> the dimension whose rate applies when it has none of its own."""

PER_TOKEN = frozenset({*KIND_OF, "input", "output"} - {"search"})
DIMENSIONS = PER_TOKEN | {
    "image",
    "second",
    "character",
    "request",
    "search",
    "rerank_unit",
    "tool_call",
}
"""Everything that a price list may name."""

_TOOLS = {"web_search": "search"}
"""Tools of providers that have a dimension of their own; the others are `tool_call`."""


class CostPart(NamedTuple):
    """One quantity of a call and what one unit of it costs."""

    dimension: str
    quantity: int
    rate: int


class Cost(Struct, frozen=True):
    """What a call cost. Without a price it is unknown, not zero."""

    state: PriceState
    picodollars: int | None = None
    parts: tuple[CostPart, ...] = ()
    missing: tuple[str, ...] = ()
    """Dimensions that were used and have no rate."""

    @property
    def micros(self) -> int | None:
        return None if self.picodollars is None else self.picodollars // MICRO

    @property
    def rem(self) -> int | None:
        """The remainder beyond whole micro-dollars, in millionths of one."""
        return None if self.picodollars is None else self.picodollars % MICRO


UNPRICED = Cost("unpriced")


class Rates(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rates by dimension, and the rates that replace them for long prompts."""

    lines: Lines = {}
    above: dict[int, Lines] = {}
    """Number of prompt tokens -> rates for the whole call if its prompt is longer than that."""

    def at(self, prompt: int) -> Lines:
        lines = self.lines
        for threshold in sorted(self.above):
            if prompt > threshold:
                lines = {**lines, **self.above[threshold]}
        return lines


class TimedRates(Rates, frozen=True, kw_only=True, omit_defaults=True):
    """Rates that apply from a date on, or during some hours of every day (UTC)."""

    since: date | None = None
    minutes: tuple[int, int] | None = None
    """First and last (exclusive) minute of the day."""

    def hold(self, at_ms: int) -> bool:
        if self.since is not None and at_ms // DAY_MS < self.since.toordinal() - _EPOCH:
            return False
        if self.minutes is None:
            return True
        start, end = self.minutes
        now = at_ms % DAY_MS // MINUTE_MS
        return start <= now < end if start <= end else now >= start or now < end


_EPOCH = date(1970, 1, 1).toordinal()


class Price(Rates, frozen=True, kw_only=True, omit_defaults=True):
    """The price of one model at one provider."""

    tiers: dict[str, Rates] = {}
    """Service tier (`batch`, `flex`, `priority`, `fast`) -> the rates that differ in it."""
    times: tuple[TimedRates, ...] = ()
    """Rates that replace the usual ones; the last one that applies is used."""

    @property
    def state(self) -> PriceState:
        """Whether the model has a price, is free, or its price is unknown."""
        if not self.lines:
            return "unpriced"
        return "priced" if any(self.lines.values()) else "free"

    def usual(self, at_ms: int) -> Rates:
        """The rates in force at that time, without a service tier."""
        for timed in reversed(self.times):
            if timed.hold(at_ms):
                return timed
        return self

    def rates(self, prompt: int, *, at_ms: int, tier: str = "") -> Lines:
        """The rates of a call that began then. Empty for a tier that has no price."""
        lines = self.usual(at_ms).at(prompt)
        if not tier:
            return lines
        return {**lines, **self.tiers[tier].at(prompt)} if tier in self.tiers else {}

    def cost(self, usage: Usage, *, at_ms: int, tier: str = "") -> Cost:
        """The cost of a call that began at `at_ms`, with every part of its usage counted once."""
        lines = self.rates(usage.prompt, at_ms=at_ms, tier=tier)
        parts, missing, total = [], [], 0
        for dimension, quantity in quantities(usage, lines).items():
            rate = rate_of(dimension, lines)
            if rate is None:
                missing.append(dimension)
                continue
            parts.append(CostPart(dimension, quantity, rate))
            total += quantity * rate
        if missing or not lines:
            return Cost("unpriced", None, tuple(parts), tuple(missing))
        if not any(lines.values()):
            return Cost("free", 0, tuple(parts))
        state: PriceState = "priced" if usage.source == "reported" else "estimated"
        return Cost(state, total, tuple(parts))


def rate_of(dimension: str, lines: Lines) -> int | None:
    """The rate of a dimension, or of its more general kind; None if neither has one."""
    wanted: str | None = dimension
    while wanted is not None:
        if wanted in lines:
            return lines[wanted]
        wanted = KIND_OF.get(wanted)
    return None


def quantities(usage: Usage, lines: Lines) -> dict[str, int]:
    """The billed quantities by dimension, without zeros."""
    found = tokens_of(usage)
    if usage.units:
        found = _or_units(found, usage.units, lines)
    for tool, calls in usage.server_tools.items():
        if calls:
            dimension = _TOOLS.get(tool, "tool_call")
            found[dimension] = found.get(dimension, 0) + calls
    if "request" in lines:
        found["request"] = 1
    return found


def tokens_of(usage: Usage) -> dict[str, int]:
    """The billed tokens, each in exactly one dimension."""
    if usage.billed_in is None:
        found = {
            "input": usage.in_fresh + usage.in_tool,
            "cache_read": usage.in_cached,
            # Cache lifetimes without a dimension count as the nearest one that has.
            "cache_write_5m": usage.in_written_5m + usage.in_written_30m + usage.in_written_other,
            "cache_write_1h": usage.in_written_1h + usage.in_written_12h,
        }
        if usage.in_audio or usage.in_image:
            found |= _split_prompt(usage)
    else:
        found = {"input": usage.billed_in}
    if usage.billed_out is None:
        found["output"] = usage.out_text
        found["reasoning"] = usage.out_reasoning
        if usage.out_audio or usage.out_image:
            found |= _split_text(usage)
    else:
        found["output"] = usage.billed_out
    return {dimension: quantity for dimension, quantity in found.items() if quantity}


def _split_prompt(usage: Usage) -> dict[str, int]:
    """Split fresh and cached tokens into text, audio and images.

    Most providers report how many tokens are audio or images, but not how many of those were
    cached. The unknown ones are taken from the fresh tokens first, which is the more expensive
    interpretation.
    """
    heard_before = min(usage.in_cached_audio, usage.in_audio, usage.in_cached)
    seen_before = min(usage.in_cached_image, usage.in_image, usage.in_cached - heard_before)
    heard = min(usage.in_audio - heard_before, usage.in_fresh)
    seen = min(usage.in_image - seen_before, usage.in_fresh - heard)
    left = usage.in_cached - heard_before - seen_before
    heard_before += min(usage.in_audio - heard_before - heard, left)
    seen_before = min(usage.in_image - seen, usage.in_cached - heard_before)
    return {
        "input": usage.in_fresh - heard - seen + usage.in_tool,
        "audio_in": heard,
        "image_in": seen,
        "cache_read": usage.in_cached - heard_before - seen_before,
        "audio_cache_read": heard_before,
        "image_cache_read": seen_before,
    }


def _split_text(usage: Usage) -> dict[str, int]:
    spoken = min(usage.out_audio, usage.out_text)
    drawn = min(usage.out_image, usage.out_text - spoken)
    return {
        "output": usage.out_text - spoken - drawn,
        "audio_out": spoken,
        "image_out": drawn,
    }


def _or_units(tokens: dict[str, int], units: dict[str, int], lines: Lines) -> dict[str, int]:
    """Choose between tokens and units such as seconds or images, which may measure the same thing.

    What the price has a rate for is billed, and the other is ignored.
    """
    used = {unit: amount for unit, amount in units.items() if amount}
    sold = {unit: amount for unit, amount in used.items() if unit in lines}
    if sold and PER_TOKEN.isdisjoint(lines):
        return sold
    return {**tokens, **(sold if sold or tokens else used)}
