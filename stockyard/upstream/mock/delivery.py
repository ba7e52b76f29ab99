"""Send an answer of the mock provider to the Receiver, piece by piece."""

import asyncio
from collections.abc import Callable, Iterator
from enum import Enum

from msgspec import Struct

from stockyard.errors import UpstreamError
from stockyard.upstream.mock.dialect import Piece
from stockyard.upstream.outgoing import Receiver, Timers


class End(Enum):
    DONE = "done"
    CUT = "cut"
    """The connection closes too early."""
    STALL = "stall"
    """Nothing more comes, and the connection stays open."""


class Performance(Struct, frozen=True):
    """An answer, and how it is going to end."""

    status: int
    fields: list[tuple[bytes, bytes]]
    pieces: Iterator[Piece]
    end: End = End.DONE


class Delivered(Struct, frozen=True):
    """How much of an answer was sent."""

    end: End | None
    """None for a cancelled call."""
    bytes_out: int
    characters: int
    """Length of the text in the pieces that were sent."""


class Delivery:
    """A running call: sends one piece per turn of the event loop."""

    __slots__ = (
        "_bytes_out",
        "_characters",
        "_ended",
        "_loop",
        "_next_piece",
        "_paused",
        "_performance",
        "_receiver",
        "_scheduled",
        "_tell",
        "_timers",
        "_waiting",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        receiver: Receiver,
        performance: Performance,
        timers: Timers,
        tell: Callable[[Delivered], None],
    ) -> None:
        """`tell` is called once, just before the Receiver gets the end."""
        self._loop = loop
        self._receiver = receiver
        self._performance = performance
        self._timers = timers
        self._tell = tell
        self._bytes_out = self._characters = 0
        self._paused = self._waiting = self._ended = False
        self._next_piece: Piece | None = None
        self._scheduled: asyncio.Handle | None = None

    def begin(self, delay_seconds: float) -> None:
        timers = self._timers
        if delay_seconds > min(timers.first_byte_seconds, timers.total_seconds):
            self._miss("timeout.first_byte", timers.first_byte_seconds)
        elif delay_seconds > 0:
            self._scheduled = self._loop.call_later(delay_seconds, self._first)
        else:
            self._scheduled = self._loop.call_soon(self._first)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        if self._waiting and not self._ended:
            self._waiting = False
            self._scheduled = self._loop.call_soon(self._next)

    def cancel(self) -> None:
        if self._scheduled is not None:
            self._scheduled.cancel()
        self._finish(None)

    def _first(self) -> None:
        self._next_piece = next(self._performance.pieces, None)
        self._receiver.head(self._performance.status, self._performance.fields)
        self._next()

    def _next(self) -> None:
        if self._ended:  # the Receiver cancelled the call
            return
        if self._paused:
            self._waiting = True
        elif self._next_piece is None:
            self._last()
        else:
            self._deliver(self._next_piece)

    def _deliver(self, piece: Piece) -> None:
        self._bytes_out += len(piece.frame)
        self._characters += len(piece.text)
        self._next_piece = next(self._performance.pieces, None)
        self._receiver.data(piece.frame)
        if self._next_piece is None:
            self._next()  # the end comes with the last piece
        elif not self._ended:
            self._scheduled = self._loop.call_soon(self._next)

    def _last(self) -> None:
        end = self._performance.end
        if end is End.STALL:
            self._miss("timeout.idle", self._timers.idle_seconds)
            return
        self._finish(end)
        if end is End.CUT:
            text = "The mock provider broke off, as the name of its model asks for."
            self._receiver.failed(UpstreamError("interrupted", text))
        else:
            self._receiver.done()

    def _miss(self, timer: str, seconds: float) -> None:
        """Wait until this timer, or the total one, fails the call: as with a silent provider."""
        if self._timers.total_seconds < seconds:
            timer, seconds = "timeout.total", self._timers.total_seconds
        self._scheduled = self._loop.call_later(seconds, self._missed, timer)

    def _missed(self, timer: str) -> None:
        self._finish(None)
        text = f"The mock provider fell silent, as the name of its model asks for ({timer})."
        self._receiver.failed(UpstreamError("timeout", text, timer=timer))

    def _finish(self, end: End | None) -> None:
        if not self._ended:
            self._ended = True
            self._tell(Delivered(end, self._bytes_out, self._characters))
