"""Ends the process when its database cannot be written for long, so that a service manager acts.

Calls do not need the database and go on without it, while `/readyz` says `D13`. Nothing is traced
and no change is accepted meanwhile, and a process in this state may not recover by itself. A full
disk does not count: a new process could not start on it.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from stockyard.errors import CannotStart
from stockyard.storage.disk import DiskWatch
from stockyard.storage.writer import Writer

LOOK_EVERY = 1.0
IO_ERROR = 74

log = logging.getLogger("stockyard.storage")


class WriterWatch:
    """Calls `stop` once the writer was down for `exit_after` seconds; never if that is 0."""

    def __init__(
        self, writer: Writer, disk: DiskWatch, *, exit_after: float, stop: Callable[[], None]
    ) -> None:
        self._writer = writer
        self._disk = disk
        self._exit_after = exit_after
        self._stop = stop
        self._down_since: float | None = None
        self._gave_up = False

    async def run(self) -> None:
        """The background task."""
        while self._exit_after and not self._gave_up:
            await asyncio.sleep(LOOK_EVERY)
            self._look(time.monotonic())

    def raise_if_given_up(self) -> None:
        """Raises CannotStart (74) if this is why the process was stopped."""
        if self._gave_up:
            raise CannotStart(
                IO_ERROR,
                f"The database could not be written for {self._exit_after:g} s "
                "(db.exit_after): check its disk and its files, then start again.",
            )

    def _look(self, now: float) -> None:
        if self._writer.down_since is None or self._disk.state == "floor":
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now
        elif now - self._down_since >= self._exit_after:
            log.error("The database was down for %g s: the process ends.", self._exit_after)
            self._gave_up = True
            self._stop()
