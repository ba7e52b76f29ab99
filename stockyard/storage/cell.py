"""The state of one subject under one limit: calls, tokens, and running calls.

Tokens are charged before a call, by estimate, and corrected after it. What comes back must not be
more than the caller lost by the estimate. If the bucket has been full in the meantime it lost
nothing: what was kept from it would have overflowed. So every call that may still be corrected has
a floor, the instant at which the bucket would be full had only what came later been taken from a
full one. Giving back moves the bucket's instant as far as the floor and no further, and exactly to
where it would be had the right number been charged at once: the instant is the latest of "begun
full at call i, with all that was taken since" over all calls i, and a correction changes those up
to its own call by what it gives back, and the others not at all.
"""

MAX_OPEN = 1000
"""Calls of one subject that may be corrected. Of more the oldest get nothing back."""


class Cell:
    """One subject under one limit. Instants and costs are in nanoseconds."""

    __slots__ = (
        "_call_cost",
        "_floors",
        "_token_cost",
        "calls_full_at",
        "leases",
        "tokens_full_at",
    )

    def __init__(self) -> None:
        self.calls_full_at = 0
        self.tokens_full_at = 0
        self._call_cost = 0
        """What a call cost when one was last charged; 0 until then."""
        self._token_cost = 0
        self._floors: dict[str, int] | None = None
        """Lease -> the floor of its call, the oldest first."""
        self.leases: dict[str, int] | None = None
        """Lease -> when it ends by itself. All last equally long, so the oldest ends first."""

    def idle(self, now: int) -> bool:
        return (
            self.calls_full_at <= now and self.tokens_full_at <= now and self.concurrent(now) == 0
        )

    def concurrent(self, now: int) -> int:
        leases = self.leases
        if not leases:
            return 0
        while leases:
            oldest = next(iter(leases))
            if leases[oldest] > now:
                break
            del leases[oldest]
        return len(leases)

    def fit_calls(self, cost: int, now: int) -> None:
        """A call costs this much now. As many as were taken stay taken, at the new cost."""
        before, self._call_cost = self._call_cost, cost
        if before not in (0, cost):
            self.calls_full_at = _refitted(self.calls_full_at, now, before, cost)

    def fit_tokens(self, cost: int, now: int) -> None:
        """The same of a token."""
        before, self._token_cost = self._token_cost, cost
        if before in (0, cost):
            return
        self.tokens_full_at = _refitted(self.tokens_full_at, now, before, cost)
        if self._floors:
            self._floors = {
                lease: _refitted(floor, now, before, cost) for lease, floor in self._floors.items()
            }

    def token_cost(self, usual: int) -> int:
        """What a token costs now; what it usually does if none was charged yet."""
        return self._token_cost or usual

    def take_tokens(self, cost: int, lease: str, now: int) -> None:
        """Charge a call for its tokens; `give_back` may correct it."""
        self.owe(cost, now)
        floors = self._floors
        if floors is None:
            floors = self._floors = {}
        elif len(floors) >= MAX_OPEN:
            del floors[next(iter(floors))]
        floors[lease] = 0

    def owe(self, cost: int, now: int) -> None:
        """Charge for good."""
        if self.tokens_full_at <= now:
            self._floors = None
        elif self._floors:
            for lease, floor in self._floors.items():
                self._floors[lease] = max(floor, now) + cost
        self.tokens_full_at = max(self.tokens_full_at, now) + cost

    def give_back(self, cost: int, lease: str) -> None:
        """The call with this lease is over, and was charged so much too much."""
        floors = self._floors
        if floors is None or lease not in floors:
            return
        floor = floors[lease]
        self.tokens_full_at = max(self.tokens_full_at - cost, floor)
        for earlier in floors:
            if earlier == lease:
                break
            floors[earlier] = max(floors[earlier] - cost, floor)
        del floors[lease]


def _refitted(full_at: int, now: int, before: int, cost: int) -> int:
    """When the bucket is full that owes as much as it did at another cost."""
    return full_at if full_at <= now else now - (now - full_at) * cost // before
