"""Busy polling: keep the event loop awake for a moment while few clients are connected.

A process that sleeps until data arrives must be woken up, which takes longer than most of what we
do: some 50 us on a virtual machine, once when a provider answers and once when its client sends the
next call. So the event loop is kept awake for a moment after something was written. That is useless
if answers take longer than that moment, so after a few vain tries it is only tried now and then
(`docs/decisions/0010-awake-for-a-moment.md`).
"""

import asyncio
from collections.abc import Sized
from time import monotonic

FEW = 4
"""With more clients the loop is busy anyway, and there is little to save for each."""
MOST_VAIN = 8
LEFT_OUT = 64
"""After MOST_VAIN vain tries in a row, only one in LEFT_OUT is made."""


class BusyPoll:
    """The busy polling of one event loop."""

    __slots__ = ("_clients", "_left_out", "_polling", "_seconds", "_until", "_vain")

    def __init__(self, seconds: float, clients: Sized) -> None:
        """`seconds`: how long it stays awake; 0 is never. `clients`: their open connections."""
        self._seconds = seconds
        self._clients = clients
        self._polling = False
        self._until = 0.0
        self._vain = 0
        """Tries in a row after which nothing arrived."""
        self._left_out = 0

    def begin(self) -> None:
        """Something was written, so a response may arrive soon: stay awake."""
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
        # A loop with a scheduled callback polls its connections without sleeping.
        if monotonic() < self._until:
            asyncio.get_running_loop().call_soon(self._look)
        else:
            self._polling = False
            self._vain += 1
