"""Aliases with several Targets, and which of them a call tries first.

What the strategies need to know of Targets (how fast and how busy they are) is measured by
`failover`, which also goes on to the next of them; without it, only the first is called.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from stockyard.core.roundrobin import RoundRobin
from stockyard.core.target import Target

Strategy = Literal["first", "weighted", "round_robin", "least_latency", "least_busy"]
Measure = Callable[[Target], float | None]
Share = tuple[Target, ...]
"""The Targets of one entry of the group: one per Credential."""


class Group:
    """The entries of one alias, in the order in which they were written."""

    def __init__(
        self,
        names: Sequence[str],
        strategy: Strategy = "first",
        *,
        weights: Sequence[int] = (),
        latency_us: Measure = lambda _: None,
        in_flight: Measure = lambda _: None,
    ) -> None:
        self.names = tuple(names)
        even = strategy != "weighted" or not weights
        self._weights = (1,) * len(self.names) if even else tuple(weights)
        self._turns = RoundRobin()
        self._strategy = strategy
        self._measure = {"least_latency": latency_us, "least_busy": in_flight}.get(strategy)

    @property
    def fixed(self) -> bool:
        """Whether every call gets the same order."""
        return self._strategy == "first" or len(self.names) == 1

    def in_order(self, shares: Sequence[Share]) -> Share:
        """The Targets of the next call. `shares` are those of `names`; some may be empty."""
        places = [place for place, share in enumerate(shares) if share]
        measure = self._measure
        if measure is not None:
            # A Target that was never measured comes first, so that it gets measured.
            places.sort(key=lambda place: measure(shares[place][0]) or 0.0)
        elif places and not self.fixed:
            first = places[self._turns.next([(place, self._weights[place]) for place in places])]
            places = [first, *(place for place in places if place != first)]
        return tuple(target for place in places for target in shares[place])
