"""One slice of load: the job given to the load generator, and its outcome."""

from typing import Literal

import msgspec

from bench.answers import Format

Mode = Literal["whole", "stream", "hold"]
"""Whole answers one after the other; streams likewise; or each caller holds one slow stream."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    port: int
    key: str
    mode: Mode = "whole"
    format: Format = "chat"
    served_by: Format | None = None
    """Whose model is asked for; another format than the caller's has the gateway translate."""
    callers: int = 1
    seconds: float = 1.0
    """How long calls are begun; a `hold` begins its streams evenly over this time."""
    warm: float = 0.1
    """Seconds before that in which calls count for nothing but the CPU per call."""
    patience: float = 10.0
    """Seconds after the last beginning until what has not ended is late."""
    limit: int = 0
    """Calls per caller; 0 for as many as there is time for."""
    size: int = 200
    """Bytes of the request's body, about."""
    tokens: int = 16
    wait_ms: int = 0
    gap_ms: int = 0


class Spread(msgspec.Struct, frozen=True):
    """Where times lie, in milliseconds; all zero when there are none."""

    count: int = 0
    p50: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    right: int
    """Right answers within the time; only these are in any figure."""
    right_ever: int
    """Those before and after it too: what the CPU was spent on."""
    seconds: float
    wrong: dict[str, int]
    """Calls that went wrong, by what was wrong."""
    samples: list[str]
    """The first wrong answers' words."""
    late: int
    lost_events: int
    """Tokens missing from streams that ended."""
    latency: Spread
    first_event: Spread
    """From sending the call to the first token."""
    load_cpu: float
    """CPU seconds of the load generator."""


class Stage(msgspec.Struct, frozen=True):
    """What one part of a call costs, beside what the design allows it."""

    label: str
    us: float
    budget_us: float | None


def spread(seconds: list[float]) -> Spread:
    if not seconds:
        return Spread()
    ordered = sorted(seconds)
    n = len(ordered)
    p50, p99 = ordered[n // 2], ordered[min(n - 1, n * 99 // 100)]
    return Spread(n, p50 * 1000, p99 * 1000, ordered[-1] * 1000)
