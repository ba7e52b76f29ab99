"""Receive an answer that comes whole."""

import asyncio

from stockyard.core.arrival import Arrival
from stockyard.core.exchange import Exchange
from stockyard.core.target import Attempt
from stockyard.errors import UpstreamError
from stockyard.upstream.transport import Handle

MAX_BODY = 64 * 1024 * 1024

Fields = list[tuple[bytes, bytes]]


class WholeAnswer:
    """A Receiver that collects. `arrived` is done when the answer is, and raises what broke it."""

    __slots__ = ("_attempt", "_pieces", "_size", "_x", "arrived", "fields", "sending", "status")

    def __init__(self, x: Exchange, attempt: Attempt, loop: asyncio.AbstractEventLoop) -> None:
        self._x = x
        self._attempt = attempt
        self._pieces: list[bytes] = []
        self._size = 0
        self.sending: Handle | None = None
        self.status = 0
        self.fields: Fields = []
        self.arrived = Arrival(loop=loop)

    @property
    def body(self) -> bytes:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def head(self, status: int, fields: Fields) -> None:
        self.status = self._attempt.status = status
        self.fields = fields
        self._attempt.first_byte_us = self._x.elapsed_us()

    def data(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > MAX_BODY and self.sending is not None:
            self.sending.cancel()
            self.failed(UpstreamError("bad_answer", "The provider's answer is too large."))

    def done(self) -> None:
        self._attempt.bytes_in = self._size
        self.sending = None  # it refers to us: a cycle would keep the bodies until a collection
        if not self.arrived.done():
            self.arrived.arrive()

    def failed(self, error: UpstreamError) -> None:
        self._attempt.bytes_in = self._size
        self.sending = None
        if not self.arrived.done():
            self.arrived.fail(error)
