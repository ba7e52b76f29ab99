"""Receive an answer that comes as a stream.

Everything is held back until the first event that bears content: roles, `message_start`, pings and
comments prove nothing, and errors still follow them. Until then the call can be tried elsewhere, so
a failure is raised from `committed`. From then on it belongs to the caller, and a failure ends the
stream (`streaming.md` 3.1, S14, S15).

Where the client speaks the provider's format, the bytes are forwarded as they came and a
looking-on reader only takes notes. Where it does not, or where a module edits, they are read into
Events. Which of the two is wanted turns out when the stream is taken, so until then the held bytes
are kept as they came.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic, perf_counter_ns

from stockyard.core.arrival import Arrival
from stockyard.core.events import Event, Started, UsageSeen, bears_content
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.response import Raw
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.core.target import Attempt, Outcome
from stockyard.errors import StockyardError, UpstreamError
from stockyard.upstream.echo import cover_words
from stockyard.upstream.odd_answer import Fields, OddAnswer, odd_answer
from stockyard.upstream.onlooker import Onlooker
from stockyard.upstream.reckoning import SAMPLE_BYTES, is_missing, told_in, usage_of_stream
from stockyard.upstream.silence import Silence
from stockyard.upstream.stream_end import cut_short, may_go_on
from stockyard.upstream.transport import Handle
from stockyard.wire.codec import Codec, StreamLook, StreamReader, Traits

HOLD_BYTES = 256 * 1024
"""How much is held back before the first content; then we commit with what we have."""
MAX_BYTES = 256 * 1024 * 1024
MAX_EVENTS = 1_000_000
PING = b"event: ping"
"""How an event begins that has data but no content."""
COUNT_SECONDS = 2.0
"""How long a complete answer waits for counts that follow its finish (`streaming.md` S21)."""
DRAIN_SECONDS = 0.1
"""How long it waits for its connection once its terminator has come (S20)."""
MODULE = "dispatch"
"""The name under which Findings are left."""


class Unstreamed(Exception):
    """The provider answered a request for a stream with something else, which is `raw`."""

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
        self._all_content = not codec.stream_type.startswith(b"text/event-stream")
        """The format has nothing to send but content."""
        self.raw_format = codec.name if forward else None
        self._look: StreamLook | None = (
            codec.look(traits=traits, keep_usage=keep_usage, native=native) if forward else None
        )
        self._onlooker = (
            Onlooker(self._look, attempt.target.credential)
            if self._look is not None and native
            else None
        )
        """On native routes it stands before the look."""
        self._reader: StreamReader | None = None if forward else codec.reader(traits=traits)
        self.committed = Arrival(loop=loop)
        self.sending: Handle | None = None
        self.fields: Fields = []
        self._odd: OddAnswer | None = None
        self._size = 0
        self._events = 0
        self._came: list[bytes] = []
        """The held bytes as they came, and what follows them up to SAMPLE_BYTES."""
        self._passed: list[bytes] = []
        """What of the held bytes is to be forwarded."""
        self._read: list[Event] = []
        """The Events of the held bytes, where no bytes are forwarded."""
        self._sink: Sink | None = None
        self._raw_sink: RawSink | None = None
        self._waits = False
        """Paused until somebody takes it."""
        self._paused = False
        self._over = False
        """Complete, broken or cancelled."""
        self._error: StockyardError | None = None
        self.content_at = monotonic()
        """When the last content came; what `Silence` measures."""

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
        torn = True
        try:
            self._take(piece)
            torn = False
        except StockyardError as error:
            self._break(error)
        finally:
            if torn:
                self._break(_torn())

    def _take(self, piece: bytes) -> None:
        if self._size <= SAMPLE_BYTES:
            self._came.append(piece)
        if self._raw_sink is not None:
            assert self._look is not None  # noqa: S101  only forwarded streams have a raw sink
            try:
                passed = (self._onlooker or self._look).feed(piece)
            except StockyardError:
                self._forward(self._raw_sink, self._look.before_error)
                raise
            self._forward(self._raw_sink, passed)
        elif self._sink is not None:
            assert self._reader is not None  # noqa: S101  `start` saw to it
            try:
                events = self._reader.feed(piece)
            except StockyardError:
                self._deliver(self._sink, self._reader.before_error)
                raise
            self._deliver(self._sink, events)
        else:
            self._hold(piece)

    def _forward(self, sink: RawSink, passed: bytes) -> None:
        if passed:
            if self._all_content or (b"data:" in passed and not passed.startswith(PING)):
                self.content_at = monotonic()
            sink.data(passed)

    def _hold(self, piece: bytes) -> None:
        """Before the stream is taken: look for content, keep everything."""
        if self._size > SAMPLE_BYTES:
            self._came.append(piece)
        if self._look is not None:
            self._passed.append((self._onlooker or self._look).feed(piece))
            content = self._look.content
        else:
            assert self._reader is not None  # noqa: S101  one of the two always reads
            events = self._reader.feed(piece)
            self._read.extend(events)
            content = any(bears_content(event) for event in events)
        if self.committed.done():
            self._wait_to_be_taken()
        elif content or self._size > HOLD_BYTES:
            self._commit()

    def _wait_to_be_taken(self) -> None:
        """It has begun, and nobody takes it yet: read no more than what may be held."""
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
        self.content_at = monotonic()
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
                self._break(_torn())

    def _end(self) -> None:
        """The provider closed: raises when that was not the end of the answer."""
        if self._look is not None and self._sink is None:
            failure = self._onlooker.failure if self._onlooker is not None else None
            rest = self._look.end() if failure is None else b""
            self._judge_end(self._look, failure)
            self._note_finish(self._look)
            usage = self._x.usage = self._look.usage
            if is_missing(usage):
                rest += self._told_by_us(self._look)
            if self._raw_sink is None:
                self._passed.append(rest)
                self._commit()
            elif rest:
                self._raw_sink.data(rest)
        else:
            assert self._reader is not None  # noqa: S101  one of the two always reads
            events = self._reader.end()
            self._note_finish(self._reader)
            told = told_in(events) or self._told
            if is_missing(told) and (reckoned := self._reckoned(told)) is not None:
                events.append(UsageSeen(usage=reckoned))
            if self._sink is None:
                self._read.extend(events)
                self._commit()
            else:
                self._deliver(self._sink, events)
        self._close("ok" if self._attempt.error is None else "partial")
        sink = self._taken()
        if sink is not None:
            sink.done()

    def _note_finish(self, source: StreamLook | StreamReader) -> None:
        if source.odd_finish:
            self._x.note(MODULE, "finish_unknown", {"finish": source.odd_finish})

    def _told_by_us(self, look: StreamLook) -> bytes:
        """Usage that the provider owes to a client who asked for it."""
        usage = self._x.usage = self._reckoned(look.usage)
        asked = self._x.received.wants_usage and not self._native
        return look.tell_usage(usage) if asked and usage is not None else b""

    @property
    def _told(self) -> Usage | None:
        """What the provider has said of its usage so far."""
        if self._look is not None and self._sink is None:
            return self._look.usage
        return told_in(self._read) or self._x.usage

    def _reckoned(self, told: Usage | None) -> Usage | None:
        return usage_of_stream(self._x, told, self._codec, self._traits, self._came, self._size)

    def _settle_early(self) -> None:
        """It ends before its end: what came is paid for, whether or not it was counted."""
        told = self._told
        counted = self._source.complete and not is_missing(told)
        self._x.usage = told if counted else self._reckoned(told)

    def _judge_end(self, look: StreamLook, failure: UpstreamError | None) -> None:
        """Note what is odd about the end. Raises when it is none."""
        if failure is not None:
            self._attempt.error = failure.kind
            # Its frames refer to us: a cycle would keep everything until a collection.
            self._x.error = failure.with_traceback(None)
            self._x.note(MODULE, "failed_inside", {"kind": failure.kind})
            return
        missing = cut_short(look, self._codec, native=self._native, size=self._size)
        if missing is not None:
            self._x.note(MODULE, missing)

    def _end_odd(self, odd: OddAnswer) -> None:
        """Not a stream: an error, a whole answer, or nothing we can use. Nothing was sent yet."""
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
            self.enough()  # however the connection ended, nothing of the answer is missing
        else:
            self._break(error)

    def enough(self) -> None:
        """The answer is whole, and its connection need not be waited for."""
        sending = self.sending
        self.done()
        if sending is not None:
            sending.cancel()

    @property
    def patience(self) -> float | None:
        """For how many seconds of silence more may be waited for; None while parts of the answer
        may come."""
        if self._paused or not self._is_all or may_go_on(self._x, self._codec):
            return None
        return DRAIN_SECONDS if self._look is not None and self._look.terminator else COUNT_SECONDS

    @property
    def _source(self) -> StreamLook | StreamReader:
        """Who reads the stream now."""
        if self._look is not None and self._sink is None:
            return self._look
        assert self._reader is not None  # noqa: S101  one of the two always reads
        return self._reader

    @property
    def _is_all(self) -> bool:
        """Whether the answer is whole if nothing more comes. On native routes the connection's
        end is a part of what the provider said, and an image need not be the last."""
        if self._native or self._x.kind == "images" or not self.committed.done():
            return False
        return self._source.complete

    def _break(self, error: StockyardError) -> None:
        """The stream is lost: before it was committed the call fails, then the stream does."""
        if self._over:
            return
        cover_words(error, self._attempt.target.credential)
        if self.committed.done():
            self._settle_early()
        self._attempt.error = (
            error.kind if isinstance(error, UpstreamError) else type(error).__name__
        )
        self._attempt.timer = error.timer if isinstance(error, UpstreamError) else None
        committed = self.committed.done()
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
        """Who takes the stream, let go of: it refers to us, and this is the last it hears."""
        sink = self._raw_sink or self._sink
        self._raw_sink = self._sink = None
        return sink

    def _close(self, outcome: Outcome) -> None:
        self._over = True
        self.sending = None  # it refers to us: a cycle would keep everything until a collection
        self._silence.forget(self)
        self._attempt.bytes_in = self._size
        self._attempt.ended_us = self._x.elapsed_us()
        self._attempt.outcome = outcome

    def silent(self, timer: str, seconds: float) -> None:
        """`Silence` gave up waiting for content."""
        if self._paused:
            return  # it is the client that takes its time, and has a deadline of its own
        self.failed(
            UpstreamError(
                "timeout",
                f"The provider sent no content for {seconds:g} s ({timer}).",
                timer=timer,
                code="stream_stalled",
            )
        )

    @property
    def awaits_first_content(self) -> bool:
        return not self.committed.done()

    # What the gateway takes.

    def start(self, sink: Sink) -> None:
        if self._reader is None:
            self._reader = self._codec.reader(traits=self._traits)
            events: Sequence[Event] = self._reread()
        else:
            events, self._read = self._read, []
        self._sink = sink
        if events:
            self._deliver(sink, events)
        self._conclude(sink)

    def _reread(self) -> list[Event]:
        """The held bytes as Events. What `look` found good, `read` may still find broken."""
        assert self._reader is not None  # noqa: S101  just made
        events: list[Event] = []
        try:
            for piece in self._came:
                events.extend(self._reader.feed(piece))
            if self._over and self._error is None:
                events.extend(self._reader.end())
                if self._x.usage is not None and self._x.usage.source != "reported":
                    events.append(UsageSeen(usage=self._x.usage))
        except StockyardError as error:
            events.extend(self._reader.before_error)
            if not self._over:
                self._settle_early()
            self._error = error
            sending = self.sending
            self._close("partial")
            if sending is not None:
                sending.cancel()
        self._passed = []
        return events

    def _deliver(self, sink: Sink, events: Sequence[Event]) -> None:
        self._events += len(events)
        if self._events > MAX_EVENTS:
            raise UpstreamError(
                "bad_answer", "The stream has too many events.", code="limit_exceeded"
            )
        for event in events:
            kind = type(event)
            if kind is UsageSeen or kind is Started:
                if self._error is None:  # else it is settled already
                    self._x.usage = event.usage or self._x.usage  # type: ignore[union-attr]  # the caller looked
            else:
                self.content_at = monotonic()
        if events:
            sink.events(events)

    def start_raw(self, sink: RawSink) -> None:
        self._raw_sink = sink
        held = b"".join(self._passed)
        self._passed = []
        if held:
            sink.data(held)
        self._conclude(sink)

    def _conclude(self, sink: Sink | RawSink) -> None:
        """Tell of an end that came before the stream was taken."""
        self._go_on()
        if self._over:
            self._taken()
        if self._error is not None:
            sink.failed(self._error)
        elif self._over:
            sink.done()

    @property
    def terminator(self) -> bytes:
        """What the provider sent; where it left it out, what clients of the format wait for."""
        if self._look is None:
            return b""
        return self._look.terminator or (b"" if self._native else self._codec.terminator)

    def pause(self) -> None:
        if self.sending is not None and not self._over:
            self._paused = True
            self.sending.pause()

    def resume(self) -> None:
        if self.sending is not None and not self._over:
            self._paused = False
            self.content_at = monotonic()
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
    """A fault of ours has lost a piece: whatever follows, the answer is not whole any more."""
    return UpstreamError("interrupted", "The answer could not be passed on.")
