"""Deletes Traces and bodies when their time is over."""

from collections.abc import Callable
from time import time

from stockyard.apps.app import Job
from stockyard.apps.lookout import store
from stockyard.apps.sweep import sweep
from stockyard.storage.database import Database

EVERY_SECONDS = 600.0


def retention(
    database: Database,
    keep_seconds: Callable[[], float],
    body_seconds: Callable[[], float],
    now: Callable[[], float] = time,
) -> Job:
    """The job that keeps Traces and bodies for so long and no longer. It asks anew each time."""

    async def run() -> None:
        await sweep(database, store.delete_older, _ms(now() - keep_seconds()))
        await sweep(database, store.delete_bodies_older, _ms(now() - body_seconds()))

    return Job(name="lookout.retention", every_seconds=EVERY_SECONDS, run=run)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
