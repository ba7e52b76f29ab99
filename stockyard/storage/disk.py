"""Watches the free disk space: the less there is, the less is written, the least important first.

Below `low` no traces are written, they are dropped and counted. Below `floor`, or when the database
finds the disk full, the ballast is thrown out and only what makes room is written. Both end by
themselves when there is room again; after the latter so much that the ballast fits in, too, and for
some seconds, or the two states would take turns.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from stockyard.errors import CannotStart
from stockyard.storage.ballast import Ballast
from stockyard.storage.sqlite import SqliteDatabase

State = Literal["ok", "warn", "low", "floor"]

EVERY_SECONDS = 1.0
ROOM_SECONDS = 4.0
"""How long there must be room again. With a look every second that is at most five."""

log = logging.getLogger("stockyard.storage")


class DiskWatch:
    """The state of the disk that holds the data."""

    def __init__(
        self,
        folder: Path,
        *,
        warn: int,
        low: int,
        floor: int,
        ballast: int = 0,
        free_bytes: Callable[[Path], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._limits: tuple[tuple[State, int], ...] = (
            ("floor", floor),
            ("low", low),
            ("warn", warn),
        )
        self._ballast = Ballast(folder, ballast)
        self._room = floor + 2 * ballast
        """With so much free, the ballast fits in and as much again is left above the floor."""
        self._free_bytes = free_bytes or free_bytes_of
        self._clock = clock
        self._room_since: float | None = None
        self.state: State = "ok"
        self._measure()

    def refuse_full(self) -> None:
        """At start. Raises CannotStart (74) below the floor."""
        if self._measure() == "floor":
            needed = self._limits[0][1]
            raise CannotStart(
                74,
                f"The disk of {self._folder} is full: {self.free >> 20} MiB free, "
                f"{needed >> 20} MiB needed.",
            )

    async def check(self, database: SqliteDatabase) -> None:
        """The job: look, and let the database write as much as there is room for."""
        before, self.state = self.state, self._look(found_full=database.writer.found_disk_full)
        database.writer.found_disk_full = False
        database.writer.disk_full = self.state == "floor"
        for queue in database.queues.values():
            queue.paused = self.state in ("low", "floor")
        if self.state not in (before, "ok"):
            log.warning("The disk is filling up: %d MiB free (%s).", self.free >> 20, self.state)
        if self.state == "floor":
            if self._ballast.drop():
                log.warning("The ballast was thrown out, to make room for what must be written.")
        elif self.free > self._room and not self._ballast.there:
            await asyncio.to_thread(self._ballast.make)

    def _look(self, *, found_full: bool) -> State:
        state = self._measure()
        if state == "floor" or found_full:
            self._room_since = None
            return "floor"
        return "floor" if self.state == "floor" and not self._room_lasts() else state

    def _room_lasts(self) -> bool:
        if self.free <= self._room:
            self._room_since = None
            return False
        now = self._clock()
        if self._room_since is None:
            self._room_since = now
        return now - self._room_since >= ROOM_SECONDS

    def _measure(self) -> State:
        self.free: int = self._free_bytes(self._folder)
        return next((state for state, limit in self._limits if self.free < limit), "ok")


def free_bytes_of(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
