"""Drain streams whose caller has left, to learn their exact usage.

Closing the upstream connection at once is cheaper, but many providers report usage only at the end,
so it must then be estimated. With `cancel.policy = "drain"` a few streams at a time are read for a
few more seconds, and what comes is discarded (`reliability.md` 4.4).
"""

import asyncio
from typing import Protocol


class Drained(Protocol):
    """A call whose stream is drained."""

    def give_up(self) -> None:
        """Its time is over."""


class Drains:
    def __init__(self, most: int, seconds: float) -> None:
        self._under_way: dict[Drained, asyncio.TimerHandle] = {}
        self.allow(most, seconds)

    def allow(self, most: int, seconds: float) -> None:
        """From now on drain at most `most` streams at a time, each for `seconds`; 0 is none."""
        self._most = most
        self._seconds = seconds

    def __len__(self) -> int:
        return len(self._under_way)

    def enter(self, call: Drained) -> bool:
        """Begin to drain the stream of a call. Returns whether there is room for it."""
        if len(self._under_way) >= self._most:
            return False
        loop = asyncio.get_running_loop()
        self._under_way[call] = loop.call_later(self._seconds, call.give_up)
        return True

    def leave(self, call: Drained) -> None:
        timer = self._under_way.pop(call, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """The process stops: no more is read."""
        for call in tuple(self._under_way):
            call.give_up()
