"""Answers stored here, because their callers said `store: true` and no provider stores them."""

from collections.abc import Callable
from functools import partial
from time import time

from stockyard.apps.responses import store
from stockyard.core.ports import KeptAnswer
from stockyard.storage.database import Database

MOST_PER_TEAM = 1_000
"""Of more, the oldest go."""
MOST_BYTES = 4 * 1024 * 1024


class StoredAnswers:
    """Fulfils the Port `KeptAnswers`."""

    max_bytes = MOST_BYTES

    def __init__(
        self,
        database: Database,
        now: Callable[[], float] = time,
        *,
        most_per_team: int = MOST_PER_TEAM,
    ) -> None:
        self._database = database
        self._now = now
        self._most = most_per_team

    def find(self, team_id: str, id: str) -> KeptAnswer | None:
        return store.kept_answer(self._database, team_id, id)

    async def keep(self, team_id: str, id: str, kept: KeptAnswer) -> None:
        now = int(self._now() * 1000)
        await self._database.write(
            partial(
                store.keep_answer,
                team_id=team_id,
                answer_id=id,
                kept=kept,
                now=now,
                most=self._most,
            )
        )

    async def forget(self, team_id: str, id: str) -> bool:
        forget = partial(store.forget_answer, team_id=team_id, answer_id=id)
        return await self._database.write(forget, makes_room=True)
