"""Watches the free space: as the disk fills up, less is written, and what matters most the longest.

Below `low` no traces are written, they are dropped and counted. Below `floor` only what makes room
is. Both end by themselves when there is room again.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from stockyard.errors import CannotStart
from stockyard.storage.sqlite import SqliteDatabase

State = Literal["ok", "warn", "low", "floor"]

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
        free_bytes: Callable[[Path], int] | None = None,
    ) -> None:
        self._folder = folder
        self._limits: tuple[tuple[State, int], ...] = (
            ("floor", floor),
            ("low", low),
            ("warn", warn),
        )
        self._free_bytes = free_bytes or free_bytes_of
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
        before, self.state = self.state, self._measure()
        database.writer.disk_full = self.state == "floor"
        for queue in database.queues.values():
            queue.paused = self.state in ("low", "floor")
        if self.state not in (before, "ok"):
            log.warning("The disk is filling up: %d MiB free (%s).", self.free >> 20, self.state)

    def _measure(self) -> State:
        self.free: int = self._free_bytes(self._folder)
        return next((state for state, limit in self._limits if self.free < limit), "ok")


def free_bytes_of(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
