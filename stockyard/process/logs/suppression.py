"""Limits each sort of log line to one per second, and counts the others.

A provider that is down for an hour would otherwise write the same sentence a million times.
"""

from collections.abc import Hashable

PERIOD = 1.0
MAX_SORTS = 1_000


class Suppression:
    def __init__(self) -> None:
        self._since: dict[Hashable, float] = {}
        self._held_back: dict[Hashable, int] = {}

    def admit(self, sort: Hashable, now: float) -> bool:
        """Whether a line of this sort may be written now."""
        since = self._since.get(sort)
        if since is not None and now - since < PERIOD:
            self._held_back[sort] = self._held_back.get(sort, 0) + 1
            return False
        if len(self._since) >= MAX_SORTS:
            self._since.clear()
        self._since[sort] = now
        return True

    def due(self, now: float) -> int:
        """How many lines were held back in seconds that are over. Each is counted once."""
        over = [sort for sort in self._held_back if now - self._since.get(sort, 0.0) >= PERIOD]
        return sum(self._held_back.pop(sort) for sort in over)

    @property
    def waiting(self) -> bool:
        return bool(self._held_back)
