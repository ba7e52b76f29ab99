"""Which targets are failing now, how fast they answer, and how busy they are.

A breaker stands in front of each (Provider, Credential, model):

    closed      calls pass and are counted, by the second. When the window holds enough of them and
                the share of failures is reached, it opens
    open        no call passes. Each time it opens again from a probe the time doubles, up to 600 s
    half open   one call at a time is the probe. It holds a lease, so a probe that is lost frees its
                place by itself. Three successes close the breaker, one failure opens it again
    cooling     the provider said when to come back: no call passes until then

The clock is given, and must never step back.
"""

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from time import monotonic
from typing import Literal, NamedTuple

from stockyard.core.ports import BreakerRule
from stockyard.core.target import Target

MAX_TARGETS = 10_000
LONGEST_MODEL = 256
"""Characters by which models are told apart: on native routes a name may be as long as a body."""
MAX_OPEN_SECONDS = 600.0
MAX_COOL_SECONDS = 3600.0
SUCCESSES_TO_CLOSE = 3
NEWEST_WEIGHT = 0.2
"""How much the newest latency counts in the moving average."""

Key = tuple[str, str, str]
State = Literal["closed", "open", "half_open", "cooling"]
BEST_FIRST: tuple[State, ...] = ("closed", "half_open", "cooling", "open")


class BreakerState(NamedTuple):
    """One breaker as it stands, for whoever shows it."""

    id: str
    provider: str
    credential: str
    model: str
    state: State
    reopens_in: float
    calls: int
    failures: int
    in_flight: int
    latency_us: float | None


class Slot:
    """The verdicts of one second."""

    __slots__ = ("calls", "failures", "second")

    def __init__(self, second: int) -> None:
        self.second = second
        self.calls = 0
        self.failures = 0


class Breaker:
    """What is known of one target."""

    __slots__ = (
        "cool_until",
        "in_flight",
        "latency_us",
        "open_seconds",
        "open_until",
        "opened",
        "probe_until",
        "slots",
        "successes",
    )

    def __init__(self) -> None:
        self.slots: deque[Slot] = deque()
        self.opened = False
        self.open_until = 0.0
        self.open_seconds = 0.0
        self.cool_until = 0.0
        self.probe_until = 0.0
        self.successes = 0
        self.in_flight = 0
        self.latency_us: float | None = None

    def state(self, now: float) -> State:
        if now < self.cool_until:
            return "cooling"
        if not self.opened:
            return "closed"
        return "open" if now < self.open_until else "half_open"

    def allow(self, now: float, lease_seconds: float) -> bool:
        state = self.state(now)
        if state == "half_open" and now >= self.probe_until:
            self.probe_until = now + lease_seconds
            return True
        return state == "closed"

    def succeeded(self, now: float) -> bool:
        """Whether this success closed the breaker."""
        self.probe_until = 0.0
        if self.state(now) != "half_open":
            return False
        self.successes += 1
        if self.successes < SUCCESSES_TO_CLOSE:
            return False
        self.opened, self.open_seconds, self.successes = False, 0.0, 0
        self.slots.clear()
        return True

    def failed(self, now: float, rule: BreakerRule) -> bool:
        """Whether this failure opened the breaker."""
        state = self.state(now)
        self.probe_until = 0.0
        if self.opened:
            # A call that began before the breaker opened proves nothing new.
            return state == "half_open" and self._open(now, self.open_seconds * 2)
        calls, failures = self.counted()
        if calls < rule.min_calls or failures < calls * rule.error_ratio:
            return False
        return self._open(now, float(rule.open_seconds))

    def cool(self, until: float) -> None:
        self.cool_until = max(self.cool_until, until)

    def count(self, now: float, window_seconds: int, *, ok: bool) -> None:
        second = int(now)
        while self.slots and self.slots[0].second <= second - window_seconds:
            self.slots.popleft()
        if not self.slots or self.slots[-1].second != second:
            self.slots.append(Slot(second))
        self.slots[-1].calls += 1
        self.slots[-1].failures += not ok

    def counted(self) -> tuple[int, int]:
        """Calls and failures in the window."""
        return sum(s.calls for s in self.slots), sum(s.failures for s in self.slots)

    def _open(self, now: float, seconds: float) -> bool:
        self.opened, self.successes = True, 0
        self.open_seconds = min(seconds, MAX_OPEN_SECONDS)
        self.open_until = now + self.open_seconds
        return True


class TargetHealth:
    """Fulfils the Port `health` for this process."""

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        *,
        probe_seconds: float = 120.0,
        max_targets: int = MAX_TARGETS,
    ) -> None:
        self._clock = clock
        self._probe_seconds = probe_seconds
        self._max_targets = max_targets
        self._breakers: dict[Key, Breaker] = {}

    def allow(self, target: Target) -> bool:
        breaker = self._of(target)
        if not breaker.allow(self._clock(), self._probe_seconds):
            return False
        breaker.in_flight += 1
        return True

    def report(
        self,
        target: Target,
        *,
        ok: bool,
        first_byte_us: int | None = None,
        retry_after: float = 0,
        rule: BreakerRule = BreakerRule(),  # noqa: B008  a tuple: it cannot be changed
    ) -> Literal["opened", "closed"] | None:
        breaker = self._of(target)
        now = self._clock()
        breaker.count(now, rule.window_seconds, ok=ok)
        if ok:
            if first_byte_us is not None:
                breaker.latency_us = _average(breaker.latency_us, first_byte_us)
            return "closed" if breaker.succeeded(now) else None
        opened = breaker.failed(now, rule)
        if retry_after > 0:
            opened = opened or now >= breaker.cool_until
            breaker.cool(now + min(retry_after, MAX_COOL_SECONDS))
        return "opened" if opened else None

    def forget(self, target: Target) -> None:
        breaker = self._breakers.get(_key(target))
        if breaker is None:
            return
        breaker.in_flight = max(0, breaker.in_flight - 1)
        if breaker.in_flight == 0:
            breaker.probe_until = 0.0

    def latency_us(self, target: Target) -> float | None:
        breaker = self._breakers.get(_key(target))
        return breaker.latency_us if breaker else None

    def in_flight(self, target: Target) -> int:
        breaker = self._breakers.get(_key(target))
        return breaker.in_flight if breaker else 0

    def reopens_in(self, target: Target) -> float:
        """Seconds until a call may pass again; 0 when one may now."""
        breaker = self._breakers.get(_key(target))
        return _reopens_in(breaker, self._clock()) if breaker else 0.0

    def states(self) -> list[BreakerState]:
        """Every target that was called, as it stands."""
        now = self._clock()
        return [
            BreakerState(
                id=_id(key),
                provider=key[0],
                credential=key[1],
                model=key[2],
                state=breaker.state(now),
                reopens_in=_reopens_in(breaker, now),
                calls=breaker.counted()[0],
                failures=breaker.counted()[1],
                in_flight=breaker.in_flight,
                latency_us=breaker.latency_us,
            )
            for key, breaker in self._breakers.items()
        ]

    def by_provider(self) -> dict[str, State]:
        """How each provider is doing that was called: as its best target is."""
        now = self._clock()
        best: dict[str, State] = {}
        for (provider, _, _), breaker in self._breakers.items():
            state = breaker.state(now)
            best[provider] = min(state, best.get(provider, state), key=BEST_FIRST.index)
        return best

    def reset(self, id: str) -> bool:  # noqa: A002  the word of the API
        """Close one breaker by hand; whether there was one with that id."""
        for key, breaker in self._breakers.items():
            if _id(key) == id:
                fresh = self._breakers[key] = Breaker()
                fresh.in_flight, fresh.latency_us = breaker.in_flight, breaker.latency_us
                return True
        return False

    def _of(self, target: Target) -> Breaker:
        key = _key(target)
        breaker = self._breakers.get(key)
        if breaker is None:
            if len(self._breakers) >= self._max_targets:
                self._make_room()
            breaker = self._breakers[key] = Breaker()
        return breaker

    def _make_room(self) -> None:
        """Forget the oldest target that is well and idle; failing that, the oldest."""
        now = self._clock()
        for key, breaker in self._breakers.items():
            if breaker.in_flight == 0 and breaker.state(now) == "closed":
                del self._breakers[key]
                return
        del self._breakers[next(iter(self._breakers))]


def _key(target: Target) -> Key:
    credential = target.credential.id if target.credential else ""
    return (target.provider, credential, target.model[:LONGEST_MODEL])


def _id(key: Key) -> str:
    """A name for a path: names of models have slashes and colons."""
    return "brk_" + blake2b("\0".join(key).encode(), digest_size=8).hexdigest()


def _average(before: float | None, newest: int) -> float:
    if before is None:
        return float(newest)
    return before + NEWEST_WEIGHT * (newest - before)


def _reopens_in(breaker: Breaker, now: float) -> float:
    until = max(breaker.cool_until, breaker.open_until if breaker.opened else 0.0)
    if breaker.opened and now >= until:
        until = breaker.probe_until
    return max(0.0, until - now)
