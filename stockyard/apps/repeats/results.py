"""Keeps the results of changes for a day, across restarts, so that each happens once."""

from collections.abc import Callable
from functools import partial
from time import time_ns

from stockyard.apps.app import Job
from stockyard.apps.repeats import store
from stockyard.apps.repeats.models import Claim
from stockyard.apps.sweep import sweep
from stockyard.storage.database import Database

KEPT_MS = 86_400_000
MAX_KEPT = 10_000
MAX_KEPT_BYTES = 16 << 20
EVERY_SECONDS = 600.0


def milliseconds() -> int:
    return time_ns() // 1_000_000


class StoredResults:
    """Fulfils `stockyard.api.repeats.Results`. Of too many, the oldest go before their time."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], int] = milliseconds,
        *,
        most: int = MAX_KEPT,
        most_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        self._database = database
        self._now = now
        self._most = most
        self._most_bytes = most_bytes

    def find(self, change_id: bytes) -> Claim | None:
        return store.result(self._database, change_id, self._now())

    async def claim(self, change_id: bytes, digest: bytes) -> None:
        until = self._now() + KEPT_MS
        write = partial(store.claim, change_id=change_id, digest=digest, until=until)
        await self._database.write(write)

    async def keep(self, change_id: bytes, sealed: bytes) -> None:
        write = partial(
            store.keep,
            change_id=change_id,
            sealed=sealed,
            most=self._most,
            most_bytes=self._most_bytes,
        )
        await self._database.write(write)

    async def release(self, change_id: bytes) -> None:
        await self._database.write(partial(store.release, change_id=change_id))


async def clock_stepped(database: Database, ms: int) -> None:
    """The clock was set by so many milliseconds: a day is as long as before."""
    await database.write(partial(store.move, ms=ms))


def retention(database: Database, now: Callable[[], int] = milliseconds) -> Job:
    """The job that deletes what is older than a day."""

    async def run() -> None:
        await sweep(database, store.delete_expired, now())

    return Job(name="repeats.retention", every_seconds=EVERY_SECONDS, run=run)
