"""Smooth weighted round-robin: turns in proportion to weights, spread as evenly as can be."""

from collections.abc import Hashable, Sequence


class RoundRobin:
    """Each is owed its weight at every turn; the one that is owed most has it, and pays the sum."""

    def __init__(self) -> None:
        self._owed: dict[Hashable, int] = {}

    def next(self, shares: Sequence[tuple[Hashable, int]]) -> int:
        """The place of the one whose turn it is, of these names and weights."""
        owed = self._owed
        for name, weight in shares:
            owed[name] = owed.get(name, 0) + weight
        place = max(range(len(shares)), key=lambda place: owed[shares[place][0]])
        owed[shares[place][0]] -= sum(weight for _, weight in shares)
        return place
