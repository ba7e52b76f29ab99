"""Whose an id is that a provider gave: it opens something to the team that made it only.

Ids are written behind the call that brought them. Until they are, and for as long as they are
among the newest, they are found in memory, so a caller may use one as soon as it is told.
"""

import re
from collections.abc import Callable, Sequence
from time import time

import msgspec

from stockyard.apps.responses import store
from stockyard.core.ports import Held
from stockyard.storage.database import Bulk, Database

NEWEST = 10_000
"""Ids that are found without asking the database."""
USABLE = re.compile(r"[A-Za-z0-9_.-]{1,128}(?:/[A-Za-z0-9_.-]{1,128})?")
"""What is remembered, with a collection in front or not. A provider may call things as it likes,
but not at any length."""


class TeamIds:
    """Fulfils the Port `HeldIds`."""

    def __init__(self, database: Database, now: Callable[[], float] = time) -> None:
        self.queue: Bulk = database.bulk("held_ids", store.HOLD, encode)
        self._database = database
        self._now = now
        self._newest: dict[tuple[str, str], Held] = {}

    def find(self, team_id: str, id: str) -> Held | None:  # noqa: A002  the word of the Port
        found = self._newest.get((team_id, id))
        if found is not None or not USABLE.fullmatch(id):
            return found
        return store.held_by(self._database, team_id, id)

    def hold(self, team_id: str, id: str, held: Held) -> None:  # noqa: A002  the word of the Port
        if not USABLE.fullmatch(id) or self._newest.get((team_id, id)) == held:
            return
        self._newest[team_id, id] = held
        if len(self._newest) > NEWEST:
            del self._newest[next(iter(self._newest))]
        row = msgspec.json.encode(
            (team_id, id, held.provider, held.credential_id, int(self._now() * 1000))
        )
        self.queue.put(row, len(row))


def encode(batch: Sequence[bytes]) -> bytes:
    """The rows of a batch in the order of `store.HOLD`. Runs in the writer thread."""
    return b"[%b]" % b",".join(batch)
