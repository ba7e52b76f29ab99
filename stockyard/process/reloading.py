"""Reload the settings on request, or when their file changes.

Every request (SIGHUP, `stockyard reload`, a changed file) is also answered in the log. If the new
settings are wrong, their faults are reported and the old ones stay (`reliability.md` 9.4).
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from stockyard.app import Stockyard
from stockyard.errors import StockyardError
from stockyard.reload import Reloaded, reload
from stockyard.settings import Settings

log = logging.getLogger(__name__)

WATCH_EVERY = 2.0
"""Seconds between two looks at the file."""

Stamp: TypeAlias = tuple[int, int, int] | None


class Reloading:
    """Reloads the settings with `read`. Readiness probes report if the last ones were refused."""

    def __init__(self, stockyard: Stockyard, read: Callable[[], Settings]) -> None:
        self._stockyard = stockyard
        self._read = read
        self._file = stockyard.settings.file
        self._in_effect = stamp_of(self._file)

    async def asked_by(self, who: str) -> Reloaded:
        """Raises StockyardError for settings that cannot be used; those before stay."""
        try:
            done = await reload(self._stockyard, await asyncio.to_thread(self._read))
        except StockyardError as error:
            log.error("%s: the settings stay as they were. %s", who, error.message)
            self._stockyard.readiness.settings_read(refused=True)
            raise
        self._stockyard.readiness.settings_read(refused=False)
        log.info("%s: the settings were read again and are in effect.", who)
        if done.waiting:
            log.warning("%s: changes of %s take effect at a restart.", who, ", ".join(done.waiting))
        for warning in done.warnings:
            log.warning("%s", warning)
        return done

    async def on_signal(self) -> None:
        await self._told_in_the_log("SIGHUP")

    async def watch(self) -> None:
        """Take up each change of the config file, once it is written."""
        known = self._in_effect
        while self._file is not None:
            await asyncio.sleep(WATCH_EVERY)
            seen = stamp_of(self._file)
            # Unchanged in two looks: it is no longer being written.
            if seen == known and seen not in (None, self._in_effect):
                self._in_effect = seen
                await self._told_in_the_log("The config file changed")
            known = seen

    async def _told_in_the_log(self, who: str) -> None:
        try:
            await self.asked_by(who)
        except StockyardError:
            return  # told already


def stamp_of(file: Path | None) -> Stamp:
    """What differs when a file was written or replaced. None while there is none."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
