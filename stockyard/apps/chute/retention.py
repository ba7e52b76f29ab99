"""Deletes cached answers that have expired, or exceed the bounds."""

from collections.abc import Callable
from time import time

from stockyard.apps.app import Job
from stockyard.apps.chute import store
from stockyard.apps.sweep import sweep
from stockyard.storage.database import Database

EVERY_SECONDS = 60.0
MOST_BYTES = 1024 * 1024 * 1024
"""Of all answers in the database together. Beyond it, as beyond their number, the oldest go."""


def retention(
    database: Database,
    most: Callable[[], int],
    now: Callable[[], float] = time,
    *,
    most_bytes: int = MOST_BYTES,
) -> Job:
    """The job that keeps at most so many answers, each for as long as it is of use."""

    async def run() -> None:
        await sweep(database, store.delete_useless_answers, now())
        too_old = await store.answers_beyond(database, most(), most_bytes)
        if too_old is not None:
            await sweep(database, store.delete_answers_until, too_old)

    return Job(name="chute.retention", every_seconds=EVERY_SECONDS, run=run)
