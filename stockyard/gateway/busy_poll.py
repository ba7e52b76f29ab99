"""Look for what comes next without sleeping, for a moment, while few clients are connected.

A process that sleeps until something arrives must be woken up, and that takes longer than most of
what is done here: on a virtual machine some 50 us, once when a provider answers and once when its
caller goes on. So the event loop is kept awake for a moment after something was written. Where
answers take longer than that moment it never pays; after a few vain tries it is only tried now and
then (`docs/decisions/0010-awake-for-a-moment.md`).
"""

import asyncio
from collections.abc import Sized
from time import monotonic

FEW = 4
"""More clients keep the loop busy, and what it could save for each would be little."""
MOST_VAIN = 8
LEFT_OUT = 64
"""After so many vain tries in a row, only one in so many is made."""


class BusyPoll:
    """Of one event loop."""

    __slots__ = ("_clients", "_left_out", "_polling", "_seconds", "_until", "_vain")

    def __init__(self, seconds: float, clients: Sized) -> None:
        """`seconds`: how long it stays awake; 0 is never. `clients`: their open connections."""
        self._seconds = seconds
        self._clients = clients
        self._polling = False
        self._until = 0.0
        self._vain = 0
        """Tries in a row after which nothing came."""
        self._left_out = 0

    def begin(self) -> None:
        """Something was written: an answer to it may come soon."""
        few = len(self._clients) <= FEW
        if self._polling:
            self._vain = 0
            self._until = monotonic() + self._seconds if few else 0.0
        elif few and self._is_worth_a_try():
            self._polling = True
            self._until = monotonic() + self._seconds
            asyncio.get_running_loop().call_soon(self._look)

    def _is_worth_a_try(self) -> bool:
        if self._vain < MOST_VAIN:
            return self._seconds > 0
        self._left_out += 1
        return self._left_out % LEFT_OUT == 0

    def _look(self) -> None:
        # A loop that has something to do next looks at its connections without sleeping.
        if monotonic() < self._until:
            asyncio.get_running_loop().call_soon(self._look)
        else:
            self._polling = False
            self._vain += 1
