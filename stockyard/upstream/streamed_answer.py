"""Receive an answer that comes as a stream.

Everything is held until the first event that bears content: roles, `message_start`, pings and
comments prove nothing, and errors may still follow them. Until then the call can be tried
elsewhere, so a failure is raised from `committed`. From then on the stream belongs to the caller,
and a failure ends it (`streaming.md` 3.1, S14, S15).

Whether bytes or Events are wanted (`flow.py`) is known only when the stream is consumed, so until
then the held bytes are kept as they came.
"""

import asyncio
from time import monotonic, perf_counter_ns

from stockyard.core.arrival import Arrival
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.response import Raw
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.core.target import Attempt, Outcome
from stockyard.errors import StockyardError, UpstreamError
from stockyard.upstream.echo import cover_words
from stockyard.upstream.flow import DecodedFlow, ForwardedFlow
from stockyard.upstream.odd_answer import Fields, OddAnswer, odd_answer
from stockyard.upstream.reckoning import SAMPLE_BYTES, is_missing, usage_of_stream
from stockyard.upstream.silence import Silence
from stockyard.upstream.stream_end import may_go_on
from stockyard.upstream.transport import Handle
from stockyard.wire.codec import Codec, Traits

HOLD_BYTES = 256 * 1024
"""How much is held before the first content. With more than that, we commit without content."""
MAX_BYTES = 256 * 1024 * 1024
COUNT_SECONDS = 2.0
"""How long to wait for usage after the finish reason of a complete answer (`streaming.md` S21)."""
DRAIN_SECONDS = 0.1
"""How long to wait for the end of the connection after the terminator (S20)."""
MODULE = "dispatch"
"""The name under which Findings are left."""


class Unstreamed(Exception):
    """The provider answered a request for a stream with a whole answer or an error, `raw`."""

    def __init__(self, raw: Raw) -> None:
        super().__init__()
        self.raw = raw


class StreamedAnswer(Stream):
    """A Receiver on one side, a Stream on the other."""

    def __init__(
        self,
        x: Exchange,
        attempt: Attempt,
        codec: Codec,
        *,
        traits: Traits,
        forward: bool,
        native: bool,
        keep_usage: bool,
        silence: Silence,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._x = x
        self._attempt = attempt
        self._codec = codec
        self._native = native
        self._traits = traits
        self._silence = silence
        self.raw_format = codec.name if forward else None
        self._flow: ForwardedFlow | DecodedFlow
        if forward:
            look = codec.look(traits=traits, keep_usage=keep_usage, native=native)
            self._flow = ForwardedFlow(x, look, codec, native=native, attempt=attempt)
        else:
            self._flow = DecodedFlow(x, codec.reader(traits=traits))
        self.committed = Arrival(loop=loop)
        self.sending: Handle | None = None
        self.fields: Fields = []
        self._odd: OddAnswer | None = None
        self._size = 0
        self._came: list[bytes] = []
        """The held bytes as they came, and what follows them up to SAMPLE_BYTES."""
        self._waits = False
        """Paused until somebody consumes it."""
        self._paused = False
        self._over = False
        """Complete, broken or cancelled."""
        self._error: StockyardError | None = None

    # What the provider sends.

    def head(self, status: int, fields: Fields) -> None:
        self._attempt.status = status
        self.fields = fields
        self._attempt.first_byte_us = self._x.elapsed_us()
        self._odd = odd_answer(self._codec, status, fields, native=self._native)
        if self._odd is None:
            self._silence.watch(self)

    def data(self, piece: bytes) -> None:
        if self._over:
            return
        self._size += len(piece)
        if self._odd is not None:
            begun = self._odd.feed(piece)
            if begun is None:
                if self._odd.is_too_long:
                    self._end_odd(self._odd)
                return
            self._odd = None
            self._silence.watch(self)
            piece = begun
        if self._size > MAX_BYTES:
            self._break(
                UpstreamError("bad_answer", "The stream is too long.", code="limit_exceeded")
            )
            return
        try:
            self._take(piece)
        except StockyardError as error:
            self._break(error)
        except BaseException:
            # A bug of ours lost this piece. Were the stream to go on, its client would take an
            # answer with a gap in it for complete. The bug itself is for the event loop to report.
            self._break(_torn())
            raise

    def _take(self, piece: bytes) -> None:
        flow = self._flow
        held = flow.sink is None
        if held or self._size <= SAMPLE_BYTES:
            self._came.append(piece)
        flow.feed(piece)
        if not held:
            return
        if self.committed.done():
            self._wait_to_be_taken()
        elif flow.content or self._size > HOLD_BYTES:
            self._commit()

    def _wait_to_be_taken(self) -> None:
        """It has begun and nobody consumes it yet: pause when as much is held as may be."""
        if self._size > HOLD_BYTES and not self._waits:
            self._waits = True
            self.pause()

    def _go_on(self) -> None:
        if self._waits:
            self._waits = False
            self.resume()

    def _commit(self) -> None:
        if self.committed.done():
            return
        self._flow.content_at = monotonic()
        self._x.first_content_ns = perf_counter_ns() - self._x.started
        self._attempt.first_content_us = self._x.first_content_ns // 1000
        self.committed.arrive()

    def done(self) -> None:
        if self._over:
            return
        if self._odd is not None:
            self._end_odd(self._odd)
            return
        try:
            self._end()
        except StockyardError as error:
            self._break(error)
        finally:
            if not self._over:
                self._break(_torn())  # a bug of ours, as in `data`

    def _end(self) -> None:
        """The provider closed: raises when that was not the end of the answer."""
        flow = self._flow
        self._note_end(flow.end(self._size), flow.failure)
        reported = flow.reported_usage
        if is_missing(reported) and (reckoned := self._reckoned(reported)) is not None:
            flow.owe(reckoned)
        flow.pass_rest()
        if flow.sink is None:
            self._commit()
        self._close("ok" if self._attempt.error is None else "partial")
        sink = self._taken()
        if sink is not None:
            sink.done()

    def _note_end(self, missing: str | None, failure: UpstreamError | None) -> None:
        """Note what is odd about the end."""
        x = self._x
        if failure is not None:
            self._attempt.error = failure.kind
            # Its frames refer to us, and a reference cycle would live until a garbage collection.
            x.error = failure.with_traceback(None)
            x.note(MODULE, "failed_inside", {"kind": failure.kind})
        if missing is not None:
            x.note(MODULE, missing)
        if self._flow.odd_finish:
            x.note(MODULE, "finish_unknown", {"finish": self._flow.odd_finish})

    def _reckoned(self, reported: Usage | None) -> Usage | None:
        return usage_of_stream(self._x, reported, self._codec, self._traits, self._came, self._size)

    def _settle_early(self) -> None:
        """It ends prematurely: set the usage of what came, reported or estimated."""
        reported = self._flow.reported_usage
        counted = self._flow.complete and not is_missing(reported)
        self._x.usage = reported if counted else self._reckoned(reported)

    def _end_odd(self, odd: OddAnswer) -> None:
        """It is not a stream but an error or a whole answer. Nothing was delivered yet."""
        sending = self.sending
        self._close("failed")
        if sending is not None and odd.is_too_long:
            sending.cancel()
        if not self.committed.done():
            self.committed.fail(Unstreamed(odd.raw()))

    def failed(self, error: UpstreamError) -> None:
        if self._over:
            return
        if self._is_all:
            self.enough()  # nothing of the answer is missing, however the connection ended
        else:
            self._break(error)

    def _break(self, error: StockyardError) -> None:
        """The stream is broken: fail the call if it has not committed yet, else the stream."""
        if self._over:
            return
        cover_words(error, self._attempt)
        committed = self.committed.done()
        if committed or self._flow.content:
            # Content that came in one read with the error is paid for, although nobody sees it.
            self._settle_early()
        if isinstance(error, UpstreamError):
            self._attempt.error, self._attempt.timer = error.kind, error.timer
        else:
            self._attempt.error = type(error).__name__
        sending = self.sending
        self._close("partial" if committed else "failed")
        if sending is not None:
            sending.cancel()
        if not committed:
            self.committed.fail(error)
            return
        sink = self._taken()
        if sink is not None:
            sink.failed(error)
        else:
            self._error = error

    def _taken(self) -> Sink | RawSink | None:
        """The sink, released: it refers to us, and is called for the last time."""
        sink, self._flow.sink = self._flow.sink, None
        return sink

    def _close(self, outcome: Outcome) -> None:
        self._over = True
        self.sending = None  # it refers to us, and a cycle would live until a garbage collection
        self._silence.forget(self)
        self._attempt.bytes_in = self._size
        self._attempt.ended_us = self._x.elapsed_us()
        self._attempt.outcome = outcome

    # What `Silence` uses.

    @property
    def content_at(self) -> float:
        return self._flow.content_at

    @property
    def awaits_first_content(self) -> bool:
        return not self.committed.done()

    @property
    def patience(self) -> float | None:
        """After how many seconds of silence the answer counts as ended; None while parts of it may
        still come."""
        if self._paused or not self._is_all or may_go_on(self._x, self._codec):
            return None
        return DRAIN_SECONDS if self._flow.terminator else COUNT_SECONDS

    @property
    def _is_all(self) -> bool:
        """Whether the answer is complete if nothing more comes. Never on native routes, which pass
        on the end of the connection too, and for images, of which another may follow."""
        if self._native or self._x.kind == "images" or not self.committed.done():
            return False
        return self._flow.complete

    def enough(self) -> None:
        """The answer is complete: end it without waiting for its connection."""
        sending = self.sending
        self.done()
        if sending is not None:
            sending.cancel()

    def silent(self, timer: str, seconds: float) -> None:
        """No content came for too long."""
        if self._paused:
            return  # the client is slow, for which there is another deadline
        self.failed(
            UpstreamError(
                "timeout",
                f"The provider sent no content for {seconds:g} s ({timer}).",
                timer=timer,
                code="stream_stalled",
            )
        )

    # What the gateway takes.

    def start(self, sink: Sink) -> None:
        flow = self._flow
        if isinstance(flow, ForwardedFlow):
            flow = self._read_again(flow)
        flow.is_settled = self._error is not None
        flow.taken(sink)
        self._conclude(sink)

    def _read_again(self, forwarded: ForwardedFlow) -> DecodedFlow:
        """Decode the held bytes to Events."""
        reader = self._codec.reader(traits=self._traits)
        flow = DecodedFlow(self._x, reader, terminator=forwarded.terminator)
        flow.content_at = forwarded.content_at
        try:
            flow.hold(self._came, ended=self._over and self._error is None)
        except StockyardError as error:
            if not self._over:
                self._settle_early()
            self._error = error
            sending = self.sending
            self._close("partial")
            if sending is not None:
                sending.cancel()
        self._flow = flow
        return flow

    def start_raw(self, sink: RawSink) -> None:
        assert isinstance(self._flow, ForwardedFlow)  # noqa: S101  see `raw_format`
        self._flow.taken(sink)
        self._conclude(sink)

    def _conclude(self, sink: Sink | RawSink) -> None:
        """Report an end that came before the stream was consumed."""
        self._go_on()
        if self._over:
            self._taken()
        if self._error is not None:
            sink.failed(self._error)
        elif self._over:
            sink.done()

    @property
    def terminator(self) -> bytes:
        """The provider's terminator, or that of the format if the provider omitted it."""
        if self.raw_format is None:
            return b""
        return self._flow.terminator or (b"" if self._native else self._codec.terminator)

    def pause(self) -> None:
        if self.sending is not None and not self._over:
            self._paused = True
            self.sending.pause()

    def resume(self) -> None:
        if self.sending is not None and not self._over:
            self._paused = False
            self._flow.content_at = monotonic()
            self.sending.resume()

    def cancel(self) -> None:
        if self._over:
            return
        if self._odd is None:
            self._settle_early()
        sending = self.sending
        self._close("abandoned")
        self._taken()
        if sending is not None:
            sending.cancel()


def _torn() -> UpstreamError:
    """The error for the client when a bug of ours lost a piece of its answer."""
    return UpstreamError("interrupted", "The answer could not be passed on.")
