"""Smooth weighted round-robin: turns in proportion to weights, spread as evenly as possible."""

from collections.abc import Hashable, Sequence


class RoundRobin:
    """At every turn each candidate earns its weight as credit. The one with the most credit gets
    the turn, and pays the sum of all weights."""

    def __init__(self) -> None:
        self._owed: dict[Hashable, int] = {}

    def next(self, shares: Sequence[tuple[Hashable, int]]) -> int:
        """The index of the candidate whose turn it is, given names and weights."""
        owed = self._owed
        for name, weight in shares:
            owed[name] = owed.get(name, 0) + weight
        place = max(range(len(shares)), key=lambda place: owed[shares[place][0]])
        owed[shares[place][0]] -= sum(weight for _, weight in shares)
        return place
