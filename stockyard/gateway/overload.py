"""Load shedding: refuse new calls during overload, so that running calls can finish.

There are three kinds of overload: too many calls at once, an event loop that falls behind, and
memory. The last two are checked four times a second. A call only compares one number: how many
calls may run, which is 0 while calls are shed (`reliability.md` 5.3).

A slow loop counts only if many calls are running. With few, another program has the processor, or
a few large bodies slow the loop for a moment, and shedding would not help. If calls arrive faster
than they can be served, many run at once within a fraction of a second.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from stockyard.errors import Refused

Cause = Literal["inflight", "loop_lag", "memory"]

LOOK_EVERY = 0.25
LATE_FOR = 1.0
"""Seconds for which the loop must be late before calls are shed."""
CROWD = 0.5
"""From this share of `max_inflight` on, the running calls count as many."""
RELIEF = 0.1
"""Shedding because of a late loop ends when fewer than this share of `max_inflight` run."""
MEMORY_FULL = 0.85
"""The share of the memory from which on calls are shed."""
MEMORY_TIGHT = 0.90
"""The share of the memory from which on large bodies are not even read."""
BODIES_SHARE = 0.5
"""The share of the memory that all bodies which are being received may take."""
SMALL_BODY = 64 * 1024
LARGE_BODY = "There is no memory for a body of this size now. Try again."

MESSAGES: dict[Cause, str] = {
    "inflight": "Too many calls are running.",
    "loop_lag": "This gateway has too much to do. Try again.",
    "memory": "This gateway has no memory left for more. Try again.",
}
CAUSES: dict[Cause, str] = {"inflight": "load", "loop_lag": "load", "memory": "memory"}


class OverloadRules(Struct, frozen=True, kw_only=True):
    max_inflight: int = 1000
    loop_lag_seconds: float = 0.1
    memory_bytes: int = 0
    """The memory limit of this process; 0 if there is none."""
    body_bytes: int = 0
    """The limit for all bodies that are being received; 0 means BODIES_SHARE of the memory."""


class Overload:
    """Decides whether this process takes on more."""

    def __init__(
        self, rules: OverloadRules, used: Callable[[], int], running: Callable[[], int]
    ) -> None:
        """`used`: the memory in use, in bytes. `running`: the number of running calls."""
        self.rules = rules
        self.shed: Counter[str] = Counter()
        """How many calls were turned away, by reason."""
        self.lag = 0.0
        """How late the loop was at the last check, in seconds."""
        self.memory = 0
        self._used = used
        self._running = running
        self._because: Cause | None = None
        self._late_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.most = rules.max_inflight
        """How many calls may run; a further one is refused."""

    def use(self, rules: OverloadRules) -> None:
        self.rules = rules
        self._decide(self._because)

    @property
    def shedding(self) -> bool:
        """Whether every new call is refused."""
        return self._because is not None

    def refusal(self) -> Refused:
        """The refusal of a call for which there is no room."""
        because = self._because or "inflight"
        self.shed[because] += 1
        cause = {"cause": CAUSES[because]}
        return Refused(503, "overloaded", MESSAGES[because], retry_after=1, detail=cause)

    def refuses(self, body: int, arriving: Callable[[], int]) -> bool:
        """Whether a body of this size is refused. `arriving`: bytes of the bodies that are being
        received."""
        if body <= SMALL_BODY:
            return False
        memory = self.rules.memory_bytes
        room = self.rules.body_bytes or memory * BODIES_SHARE
        tight = memory and self.memory >= memory * MEMORY_TIGHT
        if not tight and (not room or body + arriving() <= room):
            return False
        self.shed["body"] += 1
        return True

    # Checking

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(LOOK_EVERY, self._look_again, loop, loop.time() + LOOK_EVERY)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = loop.time()
        self.look(now, now - due)
        self._timer = loop.call_later(LOOK_EVERY, self._look_again, loop, now + LOOK_EVERY)

    def look(self, now: float, lag: float) -> None:
        """The loop is `lag` seconds late: decide whether calls are shed until the next check."""
        self.lag, self.memory = lag, self._used()
        many = self.rules.max_inflight * (RELIEF if self._because == "loop_lag" else CROWD)
        if lag <= self.rules.loop_lag_seconds or self._running() <= many:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        full = self.rules.memory_bytes * MEMORY_FULL
        if full and self.memory >= full:
            self._decide("memory")
        elif self._late_since is not None and now - self._late_since >= LATE_FOR:
            self._decide("loop_lag")
        else:
            self._decide(None)

    def _decide(self, because: Cause | None) -> None:
        self._because = because
        self.most = self.rules.max_inflight if because is None else 0
