"""Deletes Traces and bodies when their time is over, in steps small enough that nobody waits."""

from collections.abc import Callable
from time import time

from stockyard.apps.app import Job
from stockyard.apps.lookout import store
from stockyard.storage.database import Database, Transaction

STEP = 500
STEPS_PER_RUN = 1000
EVERY_SECONDS = 600.0


def retention(
    database: Database,
    keep_seconds: Callable[[], float],
    body_seconds: Callable[[], float],
    now: Callable[[], float] = time,
) -> Job:
    """The job that keeps Traces and bodies for so long and no longer. It asks anew each time."""

    async def run() -> None:
        await _delete(database, store.delete_older, now() - keep_seconds())
        await _delete(database, store.delete_bodies_older, now() - body_seconds())

    return Job(name="lookout.retention", every_seconds=EVERY_SECONDS, run=run)


async def _delete(
    database: Database, delete: Callable[[Transaction, int, int], int], before: float
) -> None:
    def step(transaction: Transaction) -> int:
        return delete(transaction, int(before * 1000), STEP)

    for _ in range(STEPS_PER_RUN):
        if await database.write(step, makes_room=True) < STEP:
            return
