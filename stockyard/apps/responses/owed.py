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
from stockyard.storage.database import Database


class TeamOwed:
    """Fulfils the Port `Owed`."""

    def __init__(self, database: Database, now: Callable[[], float] = time) -> None:
        self._database = database
        self._now = now
        self._unwritten: Counter[tuple[str, str]] = Counter()
        """By team and id. No more than are being written."""

    def owes(self, team_id: str, id: str) -> bool:  # noqa: A002  the word of the Port
        return (team_id, id) in self._unwritten or store.owes(self._database, team_id, id)

    def owe(self, team_id: str, id: str, of: str = "") -> Coroutine[Any, Any, None]:  # noqa: A002  the word of the Port
        self._unwritten[team_id, id] += 1
        return self._write(team_id, id, of or id)

    async def _write(self, team_id: str, thing: str, of: str) -> None:
        now = int(self._now() * 1000)
        try:
            await self._database.write(
                partial(store.owe, team_id=team_id, thing=thing, of=of, now=now)
            )
        finally:
            self._unwritten[team_id, thing] -= 1
            if not self._unwritten[team_id, thing]:
                del self._unwritten[team_id, thing]

    async def settle(self, team_id: str, id: str) -> bool:  # noqa: A002  the word of the Port
        settle = partial(store.settle, team_id=team_id, thing=id)
        return await self._database.write(settle, makes_room=True)

    async def settle_parts(self, team_id: str, id: str, parts: Sequence[str]) -> set[str]:  # noqa: A002  the word of the Port
        digests = {_digest(part): part for part in parts}
        now = int(self._now() * 1000)
        settle = partial(
            store.settle_parts, team_id=team_id, thing=id, parts=list(digests), now=now
        )
        return {digests[part] for part in await self._database.write(settle)}


def _digest(part: str) -> str:
    """The same for the same name, and of one length whatever that is."""
    return blake2b(part.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
