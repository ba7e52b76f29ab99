"""Receive a whole answer.

It is collected until it is complete, so that headers can show its totals. A large one that no
module reads is not worth the wait and the memory: from `flows_from` bytes on it is relayed.
"""

import asyncio

from stockyard.core.arrival import Arrival
from stockyard.core.exchange import Exchange
from stockyard.core.response import Raw
from stockyard.core.target import Attempt
from stockyard.errors import UpstreamError
from stockyard.upstream.relayed_answer import RelayedAnswer
from stockyard.upstream.transport import Handle
from stockyard.wire.whole import WholeCodec

MAX_BODY = 64 * 1024 * 1024
NEVER = MAX_BODY
"""A value of `flows_from` that is never reached, because larger answers are refused."""
MAX_REWRITTEN = 32 * 1024 * 1024
"""The largest answer that is re-encoded for its client. A larger one is relayed as it came, because
encoding it would block the event loop too long."""

Fields = list[tuple[bytes, bytes]]


class WholeAnswer:
    """A Receiver that collects. `arrived` is done when the answer is complete, or fails with its
    error."""

    __slots__ = (
        "_attempt",
        "_flows_from",
        "_pieces",
        "_size",
        "_spelled",
        "_x",
        "arrived",
        "fields",
        "onward",
        "sending",
        "status",
    )

    def __init__(
        self,
        x: Exchange,
        attempt: Attempt,
        loop: asyncio.AbstractEventLoop,
        *,
        flows_from: int = NEVER,
        spelled: WholeCodec | None = None,
    ) -> None:
        """`flows_from`: the size from which an answer is relayed instead of collected; NEVER if a
        module reads it or it must be translated. `spelled`: the codec, if clients may want another
        encoding than the provider's."""
        self._x = x
        self._attempt = attempt
        self._flows_from = flows_from
        self._spelled = spelled
        self.onward: RelayedAnswer | None = None
        """Relays the answer once it is no longer collected."""
        self._pieces: list[bytes] = []
        self._size = 0
        self.sending: Handle | None = None
        self.status = 0
        self.fields: Fields = []
        self.arrived = Arrival(loop=loop)

    def raw(self, format: str) -> Raw:
        """Everything that came, in the provider's format."""
        pieces = self._pieces
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Raw(format, self.status, self.fields, body)

    def head(self, status: int, fields: Fields) -> None:
        self.status = self._attempt.status = status
        self.fields = fields
        self._attempt.first_byte_us = self._x.elapsed_us()
        if not self._flows_from and _is_json(fields):
            # JSON instead of audio is an error, whatever its status.
            self._flows_from = NEVER

    def data(self, piece: bytes) -> None:
        if self.onward is not None:
            self.onward.data(piece)
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._flows_from:
            self._outgrow()

    def _outgrow(self) -> None:
        """The answer has reached `flows_from`: relay it, or refuse it as too large."""
        if self._flows_from < NEVER and 200 <= self.status < 300:
            if self._flows_from < MAX_REWRITTEN and not self._is_as_asked():
                self._flows_from = MAX_REWRITTEN
            else:
                self._flow()
        elif self._size > MAX_BODY and self.sending is not None:
            self.sending.cancel()
            self.failed(UpstreamError("bad_answer", "The provider's answer is too large."))

    def _is_as_asked(self) -> bool:
        """Whether these bytes have the encoding that the client wants. If not, the whole answer is
        needed to re-encode it."""
        inbound, codec = self._x.inbound, self._spelled
        if codec is None or inbound.native is not None:
            return True
        return codec.honours(inbound.body, b"".join(self._pieces))

    def _flow(self) -> None:
        if self.arrived.done():
            return  # nobody waits any more, and the call is cancelled in the next turn
        onward = RelayedAnswer(
            self._x, self._attempt, self._x.inbound.format, self.arrived.get_loop()
        )
        onward.sending = self.sending
        onward.head(self.status, self.fields)
        onward.data(b"".join(self._pieces))
        self.onward, self._pieces, self.sending = onward, [], None
        self.arrived.arrive()

    def done(self) -> None:
        if self.onward is not None:
            self.onward.done()
            return
        self._attempt.bytes_in = self._size
        self.sending = None  # it refers to us, and a cycle would live until a garbage collection
        if not self.arrived.done():
            self.arrived.arrive()

    def failed(self, error: UpstreamError) -> None:
        if self.onward is not None:
            self.onward.failed(error)
            return
        self._attempt.bytes_in = self._size
        self.sending = None
        if not self.arrived.done():
            self.arrived.fail(error)


def _is_json(fields: Fields) -> bool:
    return any(
        name == b"content-type" and value.lower().startswith(b"application/json")
        for name, value in fields
    )
