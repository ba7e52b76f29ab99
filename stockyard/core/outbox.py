"""Let what is written in one turn of the event loop leave together, at its end.

A write to another process wakes it, and waking one that sleeps costs the system more than the write
does. While the loop hands out what came on many connections, the answers to it are gathered here;
then the first one wakes the other side, and the rest find it awake. With 32 callers that is a
third of what a call costs (`docs/decisions/0006-writes-leave-together.md`). It also makes one write
of what several steps of one call write.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

MOST_OUTLETS = 32
"""So many connections wait at most: the first of them has waited for the work of all."""
MOST_SECONDS = 0.001
"""Work that takes longer does not keep those waiting that are ready."""
MOST_PIECES = 16
MOST_BYTES = 32 * 1024
"""So much is worth a write of its own, and what waits stays small."""


class Outbox:
    """The connections of one event loop that have something to write."""

    def __init__(
        self, seconds: float = MOST_SECONDS, sent: Callable[[], None] = lambda: None
    ) -> None:
        """`seconds`: how long connections wait for the work of others. `sent` is called whenever
        something was written."""
        self._waiting: list[Outlet] = []
        self._seconds = seconds
        self._sent = sent
        self._since = 0.0
        """When the first of them came."""

    def add(self, outlet: "Outlet") -> None:
        waiting = self._waiting
        if not waiting:
            waiting.append(outlet)
            self._since = monotonic()
            asyncio.get_running_loop().call_soon(self.flush)
            return
        waiting.append(outlet)
        if len(waiting) == MOST_OUTLETS or monotonic() - self._since > self._seconds:
            self.flush()

    def flush(self) -> None:
        waiting, self._waiting = iter(self._waiting), []
        try:
            for outlet in waiting:
                outlet.flush()
        finally:
            # A transport that raised must not keep the others from writing.
            for outlet in waiting:
                self.add(outlet)
        self._sent()


class Outlet:
    """The way out of one connection. What is put here keeps its order."""

    __slots__ = ("_outbox", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        self._transport = transport
        self._outbox = outbox
        self._pieces: list[bytes] = []
        self._size = 0
        """Of the pieces that wait."""

    def put(self, piece: bytes) -> None:
        pieces, size = self._pieces, len(piece)
        if pieces:
            pieces.append(piece)
            self._size += size
            if self._size >= MOST_BYTES or len(pieces) == MOST_PIECES:
                self.flush()
        elif size < MOST_BYTES:
            pieces.append(piece)
            self._size = size
            self._outbox.add(self)
        else:
            self._write(piece)

    def flush(self) -> None:
        """Write what waits now. Whoever closes the transport, or asks it how much it still holds,
        does this first."""
        pieces = self._pieces
        if not pieces:
            return
        # First taken away: writing may call back into whoever put it here.
        self._pieces = []
        self._write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _write(self, data: bytes) -> None:
        try:
            self._transport.write(data)
        except RuntimeError:
            # uvloop refuses what is for a connection that was lost a moment ago. That is for its
            # owner to hear, and not for whoever happens to write now.
            if not self._transport.is_closing():
                raise

    def drop(self) -> None:
        """Forget what waits."""
        self._pieces = []

    @property
    def empty(self) -> bool:
        return not self._pieces
