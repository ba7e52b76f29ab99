"""The state of a module: the time it takes, the decisions it makes, and whether it is broken.

Five failures in ten seconds trip a module. While it is tripped its hooks do not run: calls are
refused if the module fails CLOSED, and bypass it if it fails OPEN. Every ten seconds one call is
let through as a probe; if the hooks work for it, the module is no longer tripped. A module that
blocks the event loop for a second is tripped at once, and for longer each time.
"""

from collections import Counter, deque
from collections.abc import Callable
from time import monotonic, time_ns

from stockyard.core.exchange import Exchange

FAILURES = 5
WINDOW_SECONDS = 10.0
PROBE_SECONDS = 10.0
MAX_PROBE_SECONDS = 600.0
MAX_ACTIONS = 64


class Standing:
    """Statistics and trips of one module. Outlives its Pipelines, so a toggle does not reset it."""

    __slots__ = (
        "_clock",
        "_failures",
        "_holds",
        "_probe_at",
        "_probing",
        "calls",
        "decisions",
        "failures",
        "nanoseconds",
        "tripped",
        "trips",
    )

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._probe_at = 0.0
        self._holds = 0
        self._probing = False
        self.tripped = False
        self.trips = 0
        self.calls = 0
        self.nanoseconds = 0
        self.failures = 0
        self.decisions: Counter[str] = Counter()
        """Findings by action, for at most 64 actions."""

    def failed(self) -> None:
        now = self._clock()
        self.failures += 1
        self._failures.append(now)
        self._probing = False
        if self.tripped:
            self._probe_at = now + PROBE_SECONDS
        elif len(self._failures) == FAILURES and now - self._failures[0] <= WINDOW_SECONDS:
            self.tripped = True
            self.trips += 1
            self._probe_at = now + PROBE_SECONDS

    def held_the_loop(self) -> float:
        """It blocked the event loop, and so every other call: trip it at once. Returns the seconds
        until the next probe, which double each time."""
        self.failures += 1
        self.trips += not self.tripped
        self.tripped = True
        self._probing = False
        self._holds += 1
        seconds = min(PROBE_SECONDS * 2.0 ** min(self._holds, 10), MAX_PROBE_SECONDS)
        self._probe_at = self._clock() + seconds
        return seconds

    def may_probe(self) -> bool:
        """Whether this call is the probe: once per interval. Only to be asked while tripped."""
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + PROBE_SECONDS
        self._probing = True
        return True

    def worked(self) -> None:
        """A hook worked. Only that of a probe ends the trip, not of a call that began before it."""
        if self._probing:
            self.tripped = self._probing = False
            self._failures.clear()

    def noticed(self, action: str) -> None:
        if action in self.decisions or len(self.decisions) < MAX_ACTIONS:
            self.decisions[action] += 1


class Standings:
    """The Standing of every module, by name."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._by_name: dict[str, Standing] = {}
        self.since = time_ns() // 1_000_000
        """When counting began, in milliseconds since 1970."""

    def of(self, name: str) -> Standing:
        standing = self._by_name.get(name)
        if standing is None:
            standing = self._by_name[name] = Standing(self._clock)
        return standing

    def trips(self) -> dict[str, int]:
        """How often each module was tripped, by name."""
        return {name: standing.trips for name, standing in self._by_name.items()}

    def book(self, x: Exchange) -> None:
        """Add a finished Exchange to the statistics of its modules. On the path of every call."""
        by_name = self._by_name
        for step in x.strip:
            standing = by_name[step.module]
            standing.calls += 1
            standing.nanoseconds += step.nanoseconds
        for finding in x.findings:
            self.of(finding.module).noticed(finding.action)
