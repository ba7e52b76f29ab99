"""Read streams on whose caller has left, to learn what they really cost.

Closing the upstream at once is cheaper, but many providers count at the end only, so what was used
is then an estimate. An operator who wants the exact count sets `cancel.policy = "drain"`: a few
streams at once are read on for a few seconds, and nobody hears what comes (`reliability.md` 4.4).
"""

import asyncio
from typing import Protocol


class Drained(Protocol):
    """A call whose stream is read on."""

    def give_up(self) -> None:
        """Its time is over."""


class Drains:
    def __init__(self, most: int, seconds: float) -> None:
        self._under_way: dict[Drained, asyncio.TimerHandle] = {}
        self.allow(most, seconds)

    def allow(self, most: int, seconds: float) -> None:
        """From now on `most` are read on at once, each for `seconds`; none with `most` 0."""
        self._most = most
        self._seconds = seconds

    def __len__(self) -> int:
        return len(self._under_way)

    def enter(self, call: Drained) -> bool:
        """Whether the stream of this call may be read on."""
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
