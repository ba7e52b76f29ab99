"""One connection to a provider: it carries one call at a time and reports what comes back.

Plain callbacks on the event loop: no task, no future and no timer per call. Deadlines are
numbers that the client's sweep compares (`overdue`). Reads go through one buffer of 64 KiB that
all connections of a client share: a read is taken out of it before the next one begins.
"""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, cast

from stockyard.core.outbox import Outbox, Outlet
from stockyard.errors import UpstreamError
from stockyard.upstream.answer import AnswerParser
from stockyard.upstream.inflation import Inflation, inflation_of
from stockyard.upstream.outgoing import Timers
from stockyard.upstream.pool import Pool
from stockyard.upstream.unsent import Unsent

if TYPE_CHECKING:
    from stockyard.upstream.sending import Sending

READ_BYTES = 64 * 1024
ONE_WRITE_BYTES = 64 * 1024
"""Up to this size, head and body leave in one write."""
WRITE_BYTES = 256 * 1024
INFLATED_BYTES = 256 * 1024
"""After so many decompressed bytes other calls have their turn: one read may hold 6 MiB of them."""


class Connection(asyncio.BufferedProtocol):
    __slots__ = (
        "_buffer",
        "_fault",
        "_heard_at",
        "_inflation",
        "_is_paused",
        "_may_write",
        "_outbox",
        "_outlet",
        "_parser",
        "_pending",
        "_pool",
        "_progress_at",
        "_room",
        "_sending",
        "_transport",
        "_unsent",
        "calls",
        "idle_since",
        "is_counted",
        "is_open",
        "opened_at",
    )

    _transport: asyncio.Transport
    _outlet: Outlet

    def __init__(self, pool: Pool, buffer: memoryview, outbox: Outbox) -> None:
        self._pool = pool
        self._buffer = buffer
        self._outbox = outbox
        self._parser = AnswerParser()
        self._sending: Sending | None = None
        self._inflation: Inflation | None = None
        self._fault: UpstreamError | None = None
        self._unsent: Unsent | None = None
        self._may_write = True
        self._is_paused = False
        self._room = 0
        """How many more bytes of a body the Receiver may get."""
        self._pending = 0
        self._heard_at = self._progress_at = 0.0
        self.opened_at = self.idle_since = monotonic()
        self.is_open = False
        self.is_counted = False
        """Whether its end makes room in the pool. Not while it is being opened: the opener counts
        it then."""
        self.calls = 0

    # What the pool and the call do.

    def carry(self, sending: "Sending", now: float) -> None:
        """Send a call at once, and pass its answer to the Receiver."""
        outgoing = sending.outgoing
        head = outgoing.head
        body = outgoing.body
        self._sending = sending
        self._inflation = self._fault = None
        self._room = outgoing.body_limit
        self._progress_at = now
        self._parser.begin(bodiless=head.startswith(b"HEAD "), head_limit=outgoing.head_limit)
        sending.connection = self
        sending.reused = self.calls > 0
        sending.sent = True
        self.calls += 1
        if sending.paused:
            self.pause()
        if outgoing.origin.absolute:
            head = outgoing.origin.wired(head)
        self._pending = len(head) + len(body)
        if self._pending <= ONE_WRITE_BYTES:
            self._outlet.put(head + body)
        else:
            self._unsent = Unsent(body)
            # In one system call: alone, the head would only wake the provider.
            self._transport.writelines((head, self._taken(self._unsent)))
            self._write_on()

    def pause(self) -> None:
        if self.is_open and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        self._heard_at = monotonic()  # the silence was ours
        inflation = self._inflation
        if inflation is not None and inflation.waits():
            asyncio.get_running_loop().call_soon(self._inflate_on, self._sending, inflation)
        else:
            self._read_again()

    def drop(self) -> None:
        """Abort in the middle of a call: the connection cannot be used for another one."""
        self._sending = None
        self._inflation = None
        self._unsent = None
        self._fault = None
        self.is_open = False
        self._outlet.drop()
        self._transport.abort()

    def close(self) -> None:
        """Close the connection while it is idle."""
        self.is_open = False
        self._transport.close()

    def overdue(self, now: float, timers: Timers) -> str | None:
        """The deadline that this call has missed, if any. Not called while the Receiver pauses."""
        if self._parser.head_known:
            return "timeout.idle" if now - self._heard_at > timers.idle_seconds else None
        pending = self._transport.get_write_buffer_size()
        pending += self._unsent.size if self._unsent is not None else 0
        if pending < self._pending:
            self._pending = pending
            self._progress_at = now
        if pending:
            return "timeout.write" if now - self._progress_at > timers.write_seconds else None
        return "timeout.first_byte" if now - self._progress_at > timers.first_byte_seconds else None

    # What the event loop does.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self._outlet = Outlet(self._transport, self._outbox)
        self.is_open = True

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        sending = self._sending
        if sending is None:
            self.drop()  # unsolicited data
            return
        parser = self._parser
        is_announced = parser.head_known
        self._heard_at = monotonic()
        try:
            body = parser.feed(self._buffer[:nbytes].tobytes())
        except UpstreamError as error:
            self._fault = error
            body = parser.take()
        if not is_announced and parser.head_known:
            if parser.encoded and sending.outgoing.decompress and not self._inflates(sending):
                return
            sending.receiver.head(parser.status, parser.fields)
            if self._sending is not sending:
                return
        if body:
            if self._inflation is not None:
                self._inflate(body, sending, self._inflation)
                return
            self._hand_on(body, sending)
            if self._sending is not sending:
                return
        if parser.complete or self._fault is not None:
            self._conclude(sending)

    def eof_received(self) -> None:
        sending = self._sending
        self.is_open = False
        if sending is not None and self._parser.until_end and self._fault is None:
            self._parser.complete = True
            self._conclude(sending)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._parser.close()
        if not self.is_counted:
            return  # lost while it was being opened
        self._pool.lost(self)
        sending = self._sending
        if sending is None or self._parser.complete:
            return  # nobody is waiting, or the rest is still being delivered
        if self._may_resend(sending):
            self._sending = None
            sending.connection = None
            sending.resent = True
            sending.since = monotonic()
            refusal = self._pool.seek(sending)
            if refusal is not None:
                sending.fail(refusal)
            return
        where = "in the middle of its answer" if self._parser.head_known else "without an answer"
        sending.fail(UpstreamError("interrupted", f"The provider closed the connection {where}."))

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._write_on()

    # Steps of the above.

    def _write_on(self) -> None:
        """Give the transport no more of a large body than it can send now: it copies the rest."""
        while self._unsent is not None and self._may_write and not self._transport.is_closing():
            self._transport.write(self._taken(self._unsent))

    def _taken(self, unsent: Unsent) -> memoryview:
        piece = unsent.take(WRITE_BYTES)
        if not unsent.size:
            self._unsent = None
        return piece

    def _inflates(self, sending: "Sending") -> bool:
        """Prepare for an encoded body; False when that ends the call."""
        try:
            self._inflation = inflation_of(self._parser.fields)
        except UpstreamError as error:
            sending.fail(error)
            return False
        sending.decoded = self._inflation is not None
        return True

    def _hand_on(self, piece: bytes, sending: "Sending") -> None:
        self._room -= len(piece)
        if self._room < 0:
            sending.fail(UpstreamError("bad_answer", "The provider's answer is too large."))
            return
        sending.receiver.data(piece)

    def _inflate(self, body: bytes, sending: "Sending", inflation: Inflation) -> None:
        paused = inflation.waits()
        inflation.add(body)
        if not paused:
            self._inflate_on(sending, inflation)

    def _inflate_on(self, sending: "Sending | None", inflation: Inflation) -> None:
        """Deliver decompressed pieces until the Receiver pauses or there are no more; then go
        on."""
        if sending is None or self._sending is not sending or not inflation.waits():
            return
        room = INFLATED_BYTES
        try:
            while not sending.paused and (piece := inflation.take()) is not None:
                self._hand_on(piece, sending)
                if self._sending is not sending:
                    return
                room -= len(piece)
                if room <= 0:
                    self.pause()
                    asyncio.get_running_loop().call_soon(self._inflate_on, sending, inflation)
                    return
        except UpstreamError as error:
            sending.fail(error)
            return
        if inflation.waits():
            return
        if self._parser.complete or self._fault is not None:
            self._conclude(sending)
        else:
            self._read_again()

    def _conclude(self, sending: "Sending") -> None:
        """Everything is delivered and nothing more will come: end the call."""
        inflation = self._inflation
        if inflation is not None and inflation.waits():
            return
        if self._fault is not None:
            sending.fail(self._fault)
            return
        if inflation is not None:
            try:
                inflation.finish()
            except UpstreamError as error:
                sending.fail(error)
                return
        self._sending = None
        sending.connection = None
        unsent = self._unsent is not None or not self._outlet.empty
        if not unsent and self._parser.reusable and not self._transport.get_write_buffer_size():
            if self._is_paused:
                self._read_again()
            self._pool.give_back(self, self._heard_at)
        else:
            self.drop()
        sending.complete()

    def _read_again(self) -> None:
        if self._is_paused and self.is_open and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()

    def _may_resend(self, sending: "Sending") -> bool:
        """Whether to send the call again. An idle connection may have been closed by the provider
        before the call reached it, which costs one free retry."""
        stale = sending.reused and not self._parser.started
        return stale and sending.outgoing.resend and not sending.resent
