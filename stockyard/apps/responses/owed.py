"""Batches and background answers whose usage has not been reported yet.

An entry is removed in the same transaction that records who counts its usage, so it is counted
once, whoever asks at the same time and whatever restarts in between.
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from hashlib import blake2b
from time import time
from typing import Any

from stockyard.apps.responses import store
from stockyard.core.ports import Unreported
from stockyard.storage.database import Database

WINDOW_SECONDS = 25 * 3600.0
"""How long providers may take for a batch, and a little more."""
FETCHED_SECONDS = 3600.0
"""How long a team may take to fetch a file with results, once it was told of it."""
AGAIN_SECONDS = 24 * 3600.0
GIVEN_UP_SECONDS = 14 * 24 * 3600.0


class TeamOwed:
    """Fulfils the Port `Owed`."""

    def __init__(self, database: Database, now: Callable[[], float] = time) -> None:
        self._database = database
        self._now = now
        self._unwritten: Counter[tuple[str, str]] = Counter()
        """By team and id. No more than are being written."""

    def owes(self, team_id: str, id: str) -> bool:
        return (team_id, id) in self._unwritten or store.owes(self._database, team_id, id)

    def owe(
        self,
        team_id: str,
        id: str,
        of: str = "",
        place: str = "",
    ) -> Coroutine[Any, Any, None]:
        self._unwritten[team_id, id] += 1
        return self._write(team_id, id, of or id, place)

    async def _write(self, team_id: str, thing: str, of: str, place: str) -> None:
        now = self._ms()
        try:
            await self._database.write(
                partial(store.owe, team_id=team_id, thing=thing, of=of, place=place, now=now)
            )
        finally:
            self._unwritten[team_id, thing] -= 1
            if not self._unwritten[team_id, thing]:
                del self._unwritten[team_id, thing]

    async def settle(self, team_id: str, id: str) -> bool:
        settle = partial(store.settle, team_id=team_id, thing=id)
        return await self._database.write(settle, makes_room=True)

    async def settle_parts(self, team_id: str, id: str, parts: Sequence[str]) -> set[str]:
        digests = {_digest(part): part for part in parts}
        now = self._ms()
        settle = partial(
            store.settle_parts, team_id=team_id, thing=id, parts=list(digests), now=now
        )
        return {digests[part] for part in await self._database.write(settle)}

    async def unreported(self, most: int) -> list[Unreported]:
        rows = await store.unreported(
            self._database,
            begun_before=self._ms(-WINDOW_SECONDS),
            told_before=self._ms(-FETCHED_SECONDS),
            looked_before=self._ms(-AGAIN_SECONDS),
            begun_after=self._ms(-GIVEN_UP_SECONDS),
            most=most,
        )
        return [Unreported(*row) for row in rows]

    async def looked(self, team_id: str, id: str) -> None:
        looked = partial(store.looked, team_id=team_id, thing=id, now=self._ms())
        await self._database.write(looked)

    def _ms(self, seconds: float = 0.0) -> int:
        """So many seconds from now."""
        return int((self._now() + seconds) * 1000)


def _digest(part: str) -> str:
    """The same for the same name, and of one length whatever that is."""
    return blake2b(part.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
