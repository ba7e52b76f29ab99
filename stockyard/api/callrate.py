"""Limits how many requests a minute an identity may make to the control plane (`api.md` 1.12)."""

from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

PER_MINUTE = 600
MINUTE = 60


class Left(NamedTuple):
    """What is left of the current minute's allowance."""

    limit: int
    calls: int
    """Below 0 when the limit is exceeded."""
    seconds: int
    """Until the next minute begins."""

    def fields(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % max(0, self.calls)),
            (b"ratelimit-reset", b"%d" % self.seconds),
        ]


class CallRate:
    """Counts the requests of the current minute, per identity seen in it."""

    def __init__(
        self, per_minute: int = PER_MINUTE, clock: Callable[[], float] = monotonic
    ) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._minute = 0
        self._calls: Counter[str] = Counter()

    def take(self, who: str) -> Left:
        """Count one call."""
        minute, second = divmod(int(self._clock()), MINUTE)
        if minute != self._minute:
            self._minute = minute
            self._calls.clear()
        self._calls[who] += 1
        return Left(self._per_minute, self._per_minute - self._calls[who], MINUTE - second)
