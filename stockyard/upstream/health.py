"""The health of all targets: breakers, latencies and running calls."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from time import monotonic
from typing import Literal, NamedTuple

from stockyard.core.ports import BreakerRule
from stockyard.core.target import Target
from stockyard.upstream.breaker import Breaker, State

MAX_TARGETS = 10_000
LONGEST_MODEL = 256
"""Only so many characters of a model's name count: on native routes it may be as long as a body."""
MAX_COOL_SECONDS = 3600.0

Key = tuple[str, str, str]
BEST_FIRST: tuple[State, ...] = ("closed", "half_open", "cooling", "open")


class BreakerState(NamedTuple):
    """A snapshot of one breaker, for display."""

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


class OpenBreaker(NamedTuple):
    """A breaker that is not closed."""

    provider: str
    credential: str
    model: str
    opened: bool
    open_until: float
    open_seconds: float
    cool_until: float


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
                breaker.answered_after(first_byte_us)
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
        return breaker.reopens_in(self._clock()) if breaker else 0.0

    def states(self) -> list[BreakerState]:
        """Snapshots of all targets that were called."""
        now = self._clock()
        return [
            BreakerState(
                id=_id(key),
                provider=key[0],
                credential=key[1],
                model=key[2],
                state=breaker.state(now),
                reopens_in=breaker.reopens_in(now),
                calls=breaker.counted()[0],
                failures=breaker.counted()[1],
                in_flight=breaker.in_flight,
                latency_us=breaker.latency_us,
            )
            for key, breaker in self._breakers.items()
        ]

    def by_provider(self) -> dict[str, State]:
        """The state of each provider that was called: that of its best target."""
        now = self._clock()
        best: dict[str, State] = {}
        for (provider, _, _), breaker in self._breakers.items():
            state = breaker.state(now)
            best[provider] = min(state, best.get(provider, state), key=BEST_FIRST.index)
        return best

    def snapshot(self) -> list[OpenBreaker]:
        """The targets that are avoided now, for a process that takes over."""
        now = self._clock()
        return [
            OpenBreaker(
                *key, breaker.opened, breaker.open_until, breaker.open_seconds, breaker.cool_until
            )
            for key, breaker in self._breakers.items()
            if breaker.state(now) != "closed"
        ]

    def take_over(self, snapshot: Sequence[OpenBreaker]) -> None:
        """Avoid these targets here as well. Times are comparable, because the clock is the
        machine's."""
        for one in snapshot[: self._max_targets]:
            breaker = self._breakers.setdefault(one[:3], Breaker())
            breaker.opened, breaker.open_until = one.opened, one.open_until
            breaker.open_seconds, breaker.cool_until = one.open_seconds, one.cool_until

    def reset(self, id: str) -> bool:
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
        """Forget the oldest target that is healthy and idle; if there is none, the oldest."""
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
    """An id that is safe in a path, unlike names of models with slashes and colons."""
    return "brk_" + blake2b("\0".join(key).encode(), digest_size=8).hexdigest()
