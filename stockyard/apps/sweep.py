"""Deletes expired rows, in steps small enough that no other write waits long."""

from collections.abc import Callable
from typing import TypeVar

from stockyard.storage.database import Database, Transaction

STEP = 200
"""Rows of one transaction."""
STEPS_PER_RUN = 2_000

B = TypeVar("B", int, float)
Delete = Callable[[Transaction, B, int], int]
"""Deletes at most so many rows from before a moment, or up to it, and says how many there were."""


async def sweep(database: Database, delete: Delete[B], until: B) -> None:
    """Have `delete` called until nothing is left, or until the next run has to go on."""

    def step(transaction: Transaction) -> int:
        return delete(transaction, until, STEP)

    for _ in range(STEPS_PER_RUN):
        if await database.write(step, makes_room=True) < STEP:
            return
