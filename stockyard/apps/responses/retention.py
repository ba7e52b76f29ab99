"""Deletes stored answers and held ids when their time is over, a few at a time."""

from collections.abc import Callable
from functools import partial
from time import time

from stockyard.apps.app import Job
from stockyard.apps.responses import store
from stockyard.storage.database import Database

STEP = 200
STEPS_PER_RUN = 1000
EVERY_SECONDS = 600.0


def retention(
    database: Database,
    answers_seconds: float,
    held_seconds: float,
    now: Callable[[], float] = time,
) -> Job:
    """The job that keeps either for so long and no longer."""
    kept = (
        (store.delete_answers_before, answers_seconds),
        (store.delete_held_before, held_seconds),
    )

    async def run() -> None:
        for delete, seconds in kept:
            before = int((now() - seconds) * 1000)
            for _ in range(STEPS_PER_RUN):
                step = partial(delete, before=before, limit=STEP)
                if await database.write(step, makes_room=True) < STEP:
                    break

    return Job(name="responses.retention", every_seconds=EVERY_SECONDS, run=run)
