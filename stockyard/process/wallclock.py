"""Notices when the system clock is set: by a person, by NTP, or when a machine wakes.

What takes a time is measured on a clock that only runs (`reliability.md` 6.10). Some times must
outlive the process, though, and are stored as moments of the wall clock: until when a kept answer
is good, or a secret that was rotated away. When the wall clock is set they must move with it, so it
is compared with the other one every second, and a step is announced.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from stockyard.core.signals import ClockStepped
from stockyard.errors import CannotStart

OLDEST = datetime(2025, 1, 1, tzinfo=UTC)
"""There was no Stockyard before."""
STEP_SECONDS = 1.0
BELIEVED_SECONDS = 86_400.0
"""A clock set forward is believed after this long without being set back."""

log = logging.getLogger("stockyard.clock.step")


def running_seconds() -> float:
    """A monotonic clock, one that counts while the machine sleeps if there is one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def refuse_wrong_clock(now: float | None = None) -> None:
    """Raises CannotStart (78) for a clock that was never set: no certificate would be valid."""
    said = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    if said < OLDEST:
        raise CannotStart(
            78, f"The clock of this machine says {said:%Y-%m-%d}: set it, then start again."
        )


class WallClock:
    """`announce` is called for every step."""

    def __init__(
        self,
        announce: Callable[[ClockStepped], None],
        *,
        wall: Callable[[], float] = time.time,
        running: Callable[[], float] = running_seconds,
    ) -> None:
        self._announce = announce
        self._wall = wall
        self._running = running
        self._ahead = self._read()
        """Of the clock that only runs."""
        self._forward = 0.0
        """By how much it was set forward and may yet be set back."""
        self._set_at = 0.0
        self.steps = 0
        self.last_step_ms = 0

    async def check(self) -> None:
        """The job."""
        self.look()

    def look(self) -> None:
        step = self._read() - self._ahead
        # Small differences are gradual adjustments, not a step.
        self._ahead += step
        if abs(step) <= STEP_SECONDS:
            return
        now = self._running()
        self._forward = max(0.0, self._not_yet_believed(now) + step)
        self._set_at = now
        self.steps += 1
        self.last_step_ms = round(step * 1000)
        log.warning("The clock was set by %+.1f s.", step)
        self._announce(ClockStepped(self.last_step_ms))

    def _read(self) -> float:
        """By how much the wall clock is ahead. Both are read again if this process was held up
        between them, which would look like a step."""
        while True:
            before = self._running()
            wall = self._wall()
            if self._running() - before < STEP_SECONDS / 2:
                return wall - before

    def told(self) -> dict[str, int]:
        return {"steps": self.steps, "last_step_ms": self.last_step_ms}

    def to_delete_by(self) -> float:
        """The time, in seconds since 1970, for jobs that delete old data. A step forward counts
        only when it has lasted, so that no mistake of an hour empties the archive."""
        self.look()
        return self._wall() - self._not_yet_believed(self._running())

    def _not_yet_believed(self, now: float) -> float:
        return self._forward if now - self._set_at < BELIEVED_SECONDS else 0.0
