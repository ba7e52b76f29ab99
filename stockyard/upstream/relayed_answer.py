"""Relay an answer without decoding it.

Native routes include paths without a codec. Their answers pass as bytes, whatever the status and
whether they are streams or not; only the end is searched for usage. A large whole answer of a known
format is relayed in the same way, so that it need not be held in memory.
"""

import asyncio
from collections.abc import Sequence

from stockyard.core.arrival import Arrival
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.core.target import Attempt, Outcome
from stockyard.errors import StockyardError, UpstreamError
from stockyard.upstream.echo import CoveredPieces, covering_of
from stockyard.upstream.reckoning import usage_of_unread
from stockyard.upstream.transport import Handle
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.stray_usage import TAIL_BYTES, stray_usage, usage_in_fields

HOLD_BYTES = 256 * 1024
"""How much of an answer is held before somebody consumes it."""
TOLD_AGAIN = frozenset(
    {
        *("files", "batches", "messages/batches", "batch/jobs"),
        *("responses", "chat/completions", "threads"),
    }
)
"""Things that report, each time they are fetched, the usage of other calls."""
TOLD_AGAIN_BUT_MADE_HERE = frozenset({"interactions", "cachedContents"})
"""These do so too, but the call that creates one reports its own usage."""
READING = frozenset({"GET", "HEAD"})
"""What such a request fetches was paid with the call that created it, unless it is an event stream
of what happens just now."""


class RelayedAnswer(Stream):
    """A Receiver on one side, a Stream of bytes on the other. `begun` is done with the head."""

    def __init__(
        self,
        x: Exchange,
        attempt: Attempt,
        format: str,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._x = x
        self._attempt = attempt
        self.raw_format = format
        self.begun = Arrival(loop=loop)
        self.sending: Handle | None = None
        self._sink: RawSink | None = None
        self._held: list[bytes] = []
        self._waits = False
        """Paused until somebody consumes it."""
        self._cover: CoveredPieces | None = None
        """Removes our Credential from it."""
        self._tail = b""
        self._size = 0
        self._over = False
        self._error: StockyardError | None = None

    # What the provider sends.

    def head(self, status: int, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self.status = self._attempt.status = status
        cover = covering_of(self._attempt)
        self._cover = CoveredPieces(cover)
        self.fields = [(name, cover(value)) for name, value in fields]
        if self._attempt.first_byte_us is None:
            self._attempt.first_byte_us = self._x.elapsed_us()
        if status < 400:
            self._x.first_content_ns = self._attempt.first_byte_us * 1000
        if not self.begun.done():
            self.begun.arrive()

    def data(self, piece: bytes) -> None:
        if self._over:
            return
        self._size += len(piece)
        if self._cover is not None:
            piece = self._cover.feed(piece)
        self._pass(piece)

    def _pass(self, piece: bytes) -> None:
        self._tail = (self._tail + piece)[-TAIL_BYTES:]
        if self._sink is None:
            self._held.append(piece)
            if self._size > HOLD_BYTES and not self._waits:
                self._waits = True
                self.pause()
        elif piece:
            self._sink.data(piece)

    def done(self) -> None:
        if self._over:
            return
        if self._cover is not None:
            self._pass(self._cover.rest())
        if self.status < 400:
            self._x.usage = self._usage()
            self._close("ok")
        else:
            error = self._x.error = upstream_error(self.status, self.fields, self._tail)
            self._attempt.error = error.kind
            self._close("failed")
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.done()

    def failed(self, error: UpstreamError) -> None:
        if self._over:
            return
        self._attempt.error, self._attempt.timer = error.kind, error.timer
        if self.begun.done() and self.status < 400:
            self._x.usage = self._usage()
        self._close("partial" if self.begun.done() else "failed")
        sink, self._sink = self._sink, None
        if not self.begun.done():
            self.begun.fail(error)
        elif sink is not None:
            sink.failed(error)
        else:
            self._error = error

    def _usage(self) -> Usage | None:
        """The usage that the answer reports, in its head or at its end, or else an estimate."""
        x = self._x
        makes = x.inbound.method == "POST" and x.inbound.path.endswith(x.needs)
        if x.needs in TOLD_AGAIN or (x.needs in TOLD_AGAIN_BUT_MADE_HERE and not makes):
            return None
        if x.inbound.method in READING and x.kind == "passthrough" and not self._is_live:
            return None
        reported = usage_in_fields(self.fields) or stray_usage(self._tail)
        return usage_of_unread(self._x, reported)

    @property
    def _is_live(self) -> bool:
        return dict(self.fields).get(b"content-type", b"").startswith(b"text/event-stream")

    def _close(self, outcome: Outcome) -> None:
        self._over = True
        self.sending = None  # it refers to us: a cycle would keep everything until a collection
        self._attempt.bytes_in = self._size
        self._attempt.ended_us = self._x.elapsed_us()
        self._attempt.outcome = outcome
        self._tail = b""

    # What the gateway takes.

    def start(self, sink: Sink) -> None:
        raise TypeError("This answer cannot be read.")

    def start_raw(self, sink: RawSink) -> None:
        self._sink = sink
        held, self._held = b"".join(self._held), []
        if held:
            sink.data(held)
        if self._waits:
            self._waits = False
            self.resume()
        if self._over:
            self._sink = None
        if self._error is not None:
            sink.failed(self._error)
        elif self._over:
            sink.done()

    def pause(self) -> None:
        if self.sending is not None and not self._over:
            self.sending.pause()

    def resume(self) -> None:
        if self.sending is not None and not self._over:
            self.sending.resume()

    def cancel(self) -> None:
        if self._over:
            return
        self._x.usage = self._usage()
        sending = self.sending
        self._close("abandoned")
        self._sink = None
        if sending is not None:
            sending.cancel()
