"""Which team owns an id that a provider issued: only that team may use it.

Ids are written behind the call that brought them. Until they are, and for as long as they are
among the newest, they are found in memory, so a caller may use one as soon as it is told.

Some things get their ids past us: a large file goes to an address of the provider's, and only the
uploader hears how it is called. Its team announced it here, so the first id that it then asks for,
and that nobody has, is that of what it announced.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import time

import msgspec

from stockyard.apps.responses import store
from stockyard.core.ports import Held
from stockyard.storage.database import Bulk, Database

NEWEST = 10_000
"""Ids that are found without asking the database."""
MOST_ANNOUNCED = 100
"""Of one team; then the oldest are forgotten."""
MOST_TEAMS = 1_000
ANNOUNCED_SECONDS = 48 * 3600.0
"""How long such files are kept by those that take them so."""
USABLE = re.compile(r"[A-Za-z0-9_.:-]{1,128}(?:/[A-Za-z0-9_.:-]{1,128})?")
"""What is remembered, with a collection in front or not. A provider may call things as it likes,
but not at any length."""


class TeamIds:
    """Fulfils the Port `HeldIds`."""

    def __init__(self, database: Database, now: Callable[[], float] = time) -> None:
        self.queue: Bulk = database.bulk("held_ids", store.HOLD, encode)
        self._database = database
        self._now = now
        self._newest: dict[tuple[str, str], Held] = {}
        self._holders: Counter[str] = Counter()
        """How many teams have each of these ids."""
        self._announced: dict[str, deque[tuple[float, Held]]] = {}
        """By team, the oldest first. Kept in memory only."""

    def find(self, team_id: str, id: str) -> Held | None:
        found = self._newest.get((team_id, id))
        if found is not None or not USABLE.fullmatch(id):
            return found
        return store.held_by(self._database, team_id, id)

    def hold(self, team_id: str, id: str, held: Held) -> None:
        if not USABLE.fullmatch(id) or self._newest.get((team_id, id)) == held:
            return
        if (team_id, id) not in self._newest:
            self._holders[id] += 1
        self._newest[team_id, id] = held
        if len(self._newest) > NEWEST:
            self._forget_oldest()
        row = msgspec.json.encode(
            (team_id, id, held.provider, held.credential_id, int(self._now() * 1000))
        )
        self.queue.put(row, len(row))

    def is_others(self, team_id: str, id: str) -> bool:
        return bool(USABLE.fullmatch(id)) and self._is_held(id) and self.find(team_id, id) is None

    def announce(self, team_id: str, held: Held) -> None:
        announced = self._announced.pop(team_id, None)
        if announced is None:
            announced = deque(maxlen=MOST_ANNOUNCED)
        announced.append((self._now(), held))
        self._announced[team_id] = announced
        if len(self._announced) > MOST_TEAMS:
            del self._announced[next(iter(self._announced))]

    def claim(self, team_id: str, id: str) -> Held | None:
        announced = self._announced.get(team_id)
        while announced and announced[0][0] < self._now() - ANNOUNCED_SECONDS:
            announced.popleft()
        if not announced or not USABLE.fullmatch(id) or self._is_held(id):
            return None
        _, held = announced.popleft()
        self.hold(team_id, id, held)
        return held

    def _is_held(self, id: str) -> bool:
        return id in self._holders or store.is_held(self._database, id)

    def _forget_oldest(self) -> None:
        oldest = next(iter(self._newest))
        del self._newest[oldest]
        self._holders[oldest[1]] -= 1
        if not self._holders[oldest[1]]:
            del self._holders[oldest[1]]


def encode(batch: Sequence[bytes]) -> bytes:
    """The rows of a batch in the order of `store.HOLD`. Runs in the writer thread."""
    return b"[%b]" % b",".join(batch)
