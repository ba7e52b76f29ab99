"""Collect the writes of one turn of the event loop and send them together at its end.

A write to a sleeping process wakes it, which costs the system more than the write itself. While the
loop handles what arrived on many connections, their output is collected here; then the first write
wakes the other side, and the others find it awake. With 32 callers this saves a third of the cost
of a call (`docs/decisions/0006-writes-leave-together.md`). It also merges the writes of several
steps of one call into one.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

MOST_OUTLETS = 32
"""At most so many connections wait, because the first one waits for the work of all others."""
MOST_SECONDS = 0.001
"""When the loop's turn takes longer, what is ready is sent before its end."""
MOST_PIECES = 16
MOST_BYTES = 32 * 1024
"""A connection with so much to write is not made to wait, which also bounds what is held here."""


class Outbox:
    """The connections of one event loop that have something to write."""

    def __init__(
        self, seconds: float = MOST_SECONDS, sent: Callable[[], None] = lambda: None
    ) -> None:
        """`seconds`: how long a connection may wait for the others. `sent` is called after every
        flush."""
        self._waiting: list[Outlet] = []
        self._seconds = seconds
        self._sent = sent
        self._since = 0.0
        """When the first of them was added."""

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
    """The output of one connection. It keeps its order."""

    __slots__ = ("_outbox", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        self._transport = transport
        self._outbox = outbox
        self._pieces: list[bytes] = []
        self._size = 0
        """Bytes of the pieces that wait."""

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
        """Write what waits now. To be called before the transport is closed, or asked how much it
        has buffered."""
        pieces = self._pieces
        if not pieces:
            return
        # Reset first: writing may call back into the code that calls `put`.
        self._pieces = []
        self._write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _write(self, data: bytes) -> None:
        try:
            self._transport.write(data)
        except RuntimeError:
            # uvloop raises for a connection that was lost a moment ago. Its owner learns of that
            # from `connection_lost`; whoever triggers the flush must not.
            if not self._transport.is_closing():
                raise

    def drop(self) -> None:
        """Discard what waits."""
        self._pieces = []

    @property
    def empty(self) -> bool:
        return not self._pieces
