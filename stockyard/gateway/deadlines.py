"""Enforce the deadlines of all connections with one timer.

A timer per connection and phase would cost a call more than its parsing. So a connection only
notes the moment by which something must have happened, and one clock per process compares all of
them a few times a second.

This clock counts only time in which the process was able to serve: when the event loop was blocked
for seconds, clients are not blamed for it.
"""

import asyncio
import math
from collections.abc import Collection
from typing import Protocol

NEVER = math.inf


class Timed(Protocol):
    deadline: float

    def overdue(self) -> None: ...


class DeadlineClock:
    """Tells how long was served, and calls `overdue` on everything whose deadline has passed."""

    def __init__(self, timed: Collection[Timed], tick_s: float) -> None:
        self.now = 0.0
        """Seconds of service since the start, no finer than one tick."""
        self._timed = timed
        self._tick_s = tick_s
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._last = loop.time()
        self._timer = loop.call_later(self._tick_s, self._tick, loop)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._tick_s, self._tick, loop)
        last, self._last = self._last, loop.time()
        self.now += min(self._last - last, 2 * self._tick_s)
        now = self.now
        for timed in [timed for timed in self._timed if timed.deadline < now]:
            timed.overdue()


class Pace:
    """Whether bytes move fast enough, judged over one span of time after another."""

    __slots__ = ("_least", "_moved", "_span_s", "until")

    def __init__(self, now: float, moved: int, span_s: float, rate_bytes_per_s: int) -> None:
        self._span_s = span_s
        self._least = span_s * rate_bytes_per_s
        self._moved = moved
        self.until = now + span_s
        """When this span ends and is judged."""

    def too_slow(self, now: float, moved: int) -> bool:
        """`moved` is the total number of bytes until now. False while the span has not ended."""
        if now < self.until:
            return False
        slow = moved - self._moved < self._least
        self._moved = moved
        self.until = now + self._span_s
        return slow
