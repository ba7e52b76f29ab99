"""Deletes stored answers and held ids that are expired or too many."""

from collections.abc import Callable
from time import time

from stockyard.apps.app import Job
from stockyard.apps.responses import store
from stockyard.apps.sweep import sweep
from stockyard.storage.database import Database

EVERY_SECONDS = 600.0
MOST_HELD = 2_000_000
"""Ids of all teams together. Of more, the oldest go, whatever their age."""
MOST_PARTS = 2_000_000
"""The same of what was counted of things that are still owed."""


def retention(
    database: Database,
    answers_seconds: float,
    held_seconds: float,
    now: Callable[[], float] = time,
    *,
    most_held: int = MOST_HELD,
    most_parts: int = MOST_PARTS,
) -> Job:
    """The job that keeps either for so long and no longer. How many answers a team has is seen to
    when one is stored."""

    async def run() -> None:
        await sweep(database, store.delete_answers_before, _ms(now() - answers_seconds))
        crowded = await store.held_since(database, most_held)
        before = max(_ms(now() - held_seconds), crowded or 0)
        await sweep(database, store.delete_held_before, before)
        await sweep(database, store.delete_owed_before, before)
        crowded = await store.parts_since(database, most_parts)
        before = max(_ms(now() - held_seconds), crowded or 0)
        await sweep(database, store.delete_parts_before, before)

    return Job(name="responses.retention", every_seconds=EVERY_SECONDS, run=run)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
