"""A circuit breaker for one target: it decides whether calls may pass.

    closed      calls pass and are counted per second. When the window holds enough calls and a
                large enough share of them failed, it opens
    open        no call passes. Each time a probe fails, the time until the next one doubles, up to
                600 s
    half open   one call at a time passes as a probe. A probe has a lease, so one that is lost does
                not block others for ever. Three successes close the breaker, one failure opens it
    cooling     the provider said when to come back: no call passes until then

The clock is given, and must never step back.
"""

from collections import deque
from typing import Literal

from stockyard.core.ports import BreakerRule

MAX_OPEN_SECONDS = 600.0
SUCCESSES_TO_CLOSE = 3
NEWEST_WEIGHT = 0.2
"""How much the newest latency counts in the moving average."""

State = Literal["closed", "open", "half_open", "cooling"]


class Slot:
    """The verdicts of one second."""

    __slots__ = ("calls", "failures", "second")

    def __init__(self, second: int) -> None:
        self.second = second
        self.calls = 0
        self.failures = 0


class Breaker:
    """The breaker of one target, with its latency and number of running calls."""

    __slots__ = (
        "cool_until",
        "in_flight",
        "latency_us",
        "open_seconds",
        "open_until",
        "opened",
        "probe_until",
        "slots",
        "successes",
    )

    def __init__(self) -> None:
        self.slots: deque[Slot] = deque()
        self.opened = False
        self.open_until = 0.0
        self.open_seconds = 0.0
        self.cool_until = 0.0
        self.probe_until = 0.0
        self.successes = 0
        self.in_flight = 0
        self.latency_us: float | None = None

    def state(self, now: float) -> State:
        if now < self.cool_until:
            return "cooling"
        if not self.opened:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def allow(self, now: float, lease_seconds: float) -> bool:
        state = self.state(now)
        if state == "half_open" and now >= self.probe_until:
            self.probe_until = now + lease_seconds
            return True
        return state == "closed"

    def succeeded(self, now: float) -> bool:
        """Whether this success closed the breaker."""
        self.probe_until = 0.0
        if self.state(now) != "half_open":
            return False
        self.successes += 1
        if self.successes < SUCCESSES_TO_CLOSE:
            return False
        self.opened, self.open_seconds, self.successes = False, 0.0, 0
        self.slots.clear()
        return True

    def failed(self, now: float, rule: BreakerRule) -> bool:
        """Whether this failure opened the breaker."""
        state = self.state(now)
        self.probe_until = 0.0
        if self.opened:
            # A call that began before the breaker opened proves nothing new.
            return state == "half_open" and self._open(now, self.open_seconds * 2)
        calls, failures = self.counted()
        if calls < rule.min_calls or failures < calls * rule.error_ratio:
            return False
        return self._open(now, float(rule.open_seconds))

    def cool(self, until: float) -> None:
        self.cool_until = max(self.cool_until, until)

    def count(self, now: float, window_seconds: int, *, ok: bool) -> None:
        second = int(now)
        while self.slots and self.slots[0].second <= second - window_seconds:
            self.slots.popleft()
        if not self.slots or self.slots[-1].second != second:
            self.slots.append(Slot(second))
        self.slots[-1].calls += 1
        self.slots[-1].failures += not ok

    def answered_after(self, first_byte_us: int) -> None:
        """Add a latency to the moving average."""
        before = first_byte_us if self.latency_us is None else self.latency_us
        self.latency_us = before + NEWEST_WEIGHT * (first_byte_us - before)

    def reopens_in(self, now: float) -> float:
        """Seconds until a call may pass again; 0 when one may now."""
        until = max(self.cool_until, self.open_until if self.opened else 0.0)
        if self.opened and now >= until:
            until = self.probe_until
        return max(0.0, until - now)

    def counted(self) -> tuple[int, int]:
        """Calls and failures in the window."""
        return sum(s.calls for s in self.slots), sum(s.failures for s in self.slots)

    def _open(self, now: float, seconds: float) -> bool:
        self.opened, self.successes = True, 0
        self.open_seconds = min(seconds, MAX_OPEN_SECONDS)
        self.open_until = now + self.open_seconds
        return True
