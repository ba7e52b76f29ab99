"""Deletes Traces when their time is over, in steps small enough that nobody waits for one."""

from collections.abc import Callable
from functools import partial
from time import time

from stockyard.apps.app import Job
from stockyard.apps.lookout import store
from stockyard.storage.database import Database

STEP = 500
STEPS_PER_RUN = 1000
EVERY_SECONDS = 600.0


def retention(database: Database, keep_seconds: float, now: Callable[[], float] = time) -> Job:
    """The job that keeps Traces for `keep_seconds` and no longer."""

    async def run() -> None:
        before = int((now() - keep_seconds) * 1000)
        for _ in range(STEPS_PER_RUN):
            step = partial(store.delete_older, before=before, limit=STEP)
            gone = await database.write(step, makes_room=True)
            if gone < STEP:
                return

    return Job(name="lookout.retention", every_seconds=EVERY_SECONDS, run=run)
