"""Keep silent streams alive: after 15 seconds without a byte, something harmless.

What is harmless differs: a comment, an event, or nothing at all (`streaming.md` 3.3). Pumps write
whole events only, so a ping never lands inside one.
"""

import asyncio
from time import monotonic

from stockyard.gateway.pump import Pump

SILENCE_SECONDS = 15.0
TICK_SECONDS = 1.0


class Pings:
    def __init__(self, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._silence = silence_seconds
        self._pumps: dict[Pump, bytes] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, pump: Pump, ping: bytes) -> None:
        if not ping:
            return
        self._pumps[pump] = ping
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)

    def discard(self, pump: Pump) -> None:
        self._pumps.pop(pump, None)

    def __len__(self) -> int:
        return len(self._pumps)

    @property
    def _tick_seconds(self) -> float:
        return min(TICK_SECONDS, self._silence / 4)

    def _tick(self) -> None:
        self._timer = None
        late = monotonic() - self._silence
        for pump, ping in tuple(self._pumps.items()):
            if pump.wrote_at < late:
                pump.ping(ping)
        if self._pumps:
            self._timer = asyncio.get_running_loop().call_later(self._tick_seconds, self._tick)
