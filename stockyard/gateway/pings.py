"""Keep silent streams alive: send something harmless after 15 seconds without a byte.

What is harmless depends on the format: a comment, an event, or nothing at all (`streaming.md` 3.3).
Pumps write whole events only, so a ping never lands inside one.
"""

from time import monotonic

from stockyard.gateway.pump import Pump
from stockyard.upstream.recurring import Recurring

SILENCE_SECONDS = 15.0
TICK_SECONDS = 1.0


class Pings:
    def __init__(self, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._silence_seconds = silence_seconds
        self._pumps: dict[Pump, bytes] = {}
        self._rounds = Recurring(min(TICK_SECONDS, silence_seconds / 4), self._ping)

    def add(self, pump: Pump, ping: bytes) -> None:
        if not ping:
            return
        self._pumps[pump] = ping
        self._rounds.wake()

    def discard(self, pump: Pump) -> None:
        self._pumps.pop(pump, None)

    def __len__(self) -> int:
        return len(self._pumps)

    def _ping(self) -> bool:
        late = monotonic() - self._silence_seconds
        for pump, ping in tuple(self._pumps.items()):
            if pump.wrote_at < late:
                pump.ping(ping)
        return bool(self._pumps)
