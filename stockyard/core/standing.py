"""How a module is doing: what it costs, what it decides, and whether it is broken.

Five failures in ten seconds trip a module. While it is tripped its hooks are not run: a module that
fails CLOSED refuses, one that fails OPEN is bypassed. Every ten seconds one call is let through as
a probe, and a probe that works closes the case.
"""

from collections import Counter, deque
from collections.abc import Callable
from time import monotonic, time_ns

from stockyard.core.exchange import Exchange

FAILURES = 5
WINDOW_SECONDS = 10.0
PROBE_SECONDS = 10.0
MAX_ACTIONS = 64


class Standing:
    """Outlives the Pipelines of its module, so that a toggle does not forget."""

    __slots__ = (
        "_clock",
        "_failures",
        "_probe_at",
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
        self.tripped = False
        self.trips = 0
        self.calls = 0
        self.nanoseconds = 0
        self.failures = 0
        self.decisions: Counter[str] = Counter()
        """Findings by action; at most 64 actions are told apart."""

    def failed(self) -> None:
        now = self._clock()
        self.failures += 1
        self._failures.append(now)
        if self.tripped:
            self._probe_at = now + PROBE_SECONDS
        elif len(self._failures) == FAILURES and now - self._failures[0] <= WINDOW_SECONDS:
            self.tripped = True
            self.trips += 1
            self._probe_at = now + PROBE_SECONDS

    def may_probe(self) -> bool:
        """Whether this call is the probe. Only asked while tripped; says yes once per interval."""
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + PROBE_SECONDS
        return True

    def worked(self) -> None:
        """A probe came back well."""
        self.tripped = False
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
        """How often each module was tripped, of those that were called or failed."""
        return {name: standing.trips for name, standing in self._by_name.items()}

    def book(self, x: Exchange) -> None:
        """Add a finished Exchange to the books of the modules it met. On the path of every call."""
        by_name = self._by_name
        for step in x.strip:
            standing = by_name[step.module]
            standing.calls += 1
            standing.nanoseconds += step.nanoseconds
        for finding in x.findings:
            self.of(finding.module).noticed(finding.action)
