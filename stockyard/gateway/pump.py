"""Carry a stream to its client.

A RawPump forwards bytes that no module edits; an EventPump has a codec encode Events; an
EditingPump (`editing_pump.py`) passes them through modules first. In each case the head and the
first piece leave in one write, every stream ends in exactly one of complete, error event and
abandoned, and the terminator is written only after the call has been settled.
"""

from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Protocol

from stockyard.core.events import Event
from stockyard.core.stream import Stream
from stockyard.core.stream_modules import StreamModules
from stockyard.errors import StockyardError
from stockyard.gateway.contract import Reply
from stockyard.wire.codec import Codec, Continuing, Fault, StreamWriter

MAX_COLLECTED_BYTES = 1024 * 1024


class Carried(Protocol):
    """A call whose stream is carried. It settles itself when the stream ends."""

    def stream_head(self) -> bytes:
        """The header fields of the answer. Called once, when it begins."""

    def stream_done(self) -> None: ...
    def stream_failed(self, error: StockyardError) -> None: ...


class Pump:
    """What all kinds share: the first write, the pieces after it, and the end."""

    def __init__(self, stream: Stream, reply: Reply, call: Carried) -> None:
        self.stream = stream
        self._reply = reply
        self._call = call
        self._first: list[bytes] | None = []
        """Pieces to be written together with the head; None once the head is out."""
        self._over = False
        """The provider's stream has ended; if `_error` is set, with that error."""
        self._error: StockyardError | None = None
        self.wrote_at = monotonic()

    def launch(self) -> None:
        """Consume the stream, and write the head together with what it already holds."""
        fields = self._call.stream_head()
        self._take()
        first, self._first = b"".join(self._first or ()), None
        self._reply.begin(self.stream.status, fields, first)
        if self._error is not None:
            self._call.stream_failed(self._error)
        elif self._over:
            self._call.stream_done()

    def _take(self) -> None:
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        if self._first is not None:
            self._first.append(data)
        else:
            self.wrote_at = monotonic()
            self._reply.push(data)

    def done(self) -> None:
        """The provider's stream is complete. The client's is not until the call is settled."""
        if self._over:
            return
        self._over = True
        if self._first is None:
            self._call.stream_done()

    def failed(self, error: StockyardError) -> None:
        if self._over:
            return
        self._error, self._over = error, True
        if self._first is None:
            self._call.stream_failed(error)

    @property
    def begun(self) -> bool:
        """Whether the head is out, so that an error can no longer be an HTTP error."""
        return self._first is None

    def ping(self, ping: bytes) -> None:
        if not self._over and self._first is None:
            self._send(ping)

    def pause(self) -> None:
        """The client reads slowly."""
        self.stream.pause()

    def resume(self) -> None:
        self.stream.resume()

    def cancel(self) -> None:
        """Nothing more of the stream is wanted."""
        self.stream.cancel()

    def _break_off(self, codec: Codec, last: bytes) -> None:
        """End a stream after an error. In a format without terminator, some clients overlook the
        error event and take a part for the whole (Gemini CLI 0.61 does); there the connection is
        cut as well, which they do not overlook."""
        if codec.terminator or codec.comments:
            self._reply.finish(last)
        else:
            self._reply.push(last)
            self._reply.cut()

    def show_modules(self, *, broken: bool = False) -> None:
        """Hand the collected stream to the modules that read the whole response."""

    def finish(self, comment: bytes) -> None:
        """Write the end of a complete stream."""
        raise NotImplementedError

    def fail(self, fault: Fault) -> None:
        """Write the error event, and no terminator."""
        raise NotImplementedError


class RawPump(Pump):
    """Forwards the provider's bytes. Also a RawSink."""

    def __init__(
        self,
        stream: Stream,
        reply: Reply,
        call: Carried,
        codec: Codec | None,
        modules: StreamModules,
        *,
        bare: bool,
    ) -> None:
        """`codec` is None if no codec can decode the bytes.

        `bare`: add nothing to the stream. On native routes the client gets the provider's own
        bytes, and a whole answer that is streamed through is one JSON document.
        """
        super().__init__(stream, reply, call)
        self._codec = codec
        self._modules = modules
        self._bare = bare
        self._collected: list[bytes] | None = [] if modules.collects and codec is not None else None
        self._size = 0
        self._begun = self._last = b""
        """The first and the last piece that went out."""

    def _take(self) -> None:
        self.stream.start_raw(self)

    def data(self, piece: bytes) -> None:
        if self._over:
            return
        self._last = piece
        if not self._begun:
            self._begun = piece
        if self._collected is not None:
            self._size += len(piece)
            if self._size > MAX_COLLECTED_BYTES:
                self._collected = None
            else:
                self._collected.append(piece)
        self._send(piece)

    def show_modules(self, *, broken: bool = False) -> None:
        if self._collected is None or self._codec is None:
            self._modules.give_up()
            return
        reader = self._codec.reader(traits=frozenset())
        try:
            for piece in self._collected:
                self._modules.collect(reader.feed(piece))
            if not broken:
                self._modules.collect([*reader.feed(self.stream.terminator), *reader.end()])
        except StockyardError:
            self._modules.give_up()
        self._collected = None

    def finish(self, comment: bytes) -> None:
        self._reply.finish((b"" if self._bare else comment) + self.stream.terminator)

    def fail(self, fault: Fault) -> None:
        if self._bare or self._codec is None:
            self._reply.cut()  # no proper end
        elif isinstance(self._codec, Continuing):
            self._reply.finish(self._codec.failed_after(fault, self._begun, self._last))
        else:
            self._break_off(self._codec, self._codec.failed_stream(fault))


class EventPump(Pump):
    """Encodes Events in the client's format. Also a Sink."""

    def __init__(
        self,
        stream: Stream,
        reply: Reply,
        call: Carried,
        codec: Codec,
        modules: StreamModules,
        writer: StreamWriter,
    ) -> None:
        super().__init__(stream, reply, call)
        self._codec = codec
        self._modules = modules
        self._writer = writer

    def _take(self) -> None:
        self.stream.start(self)

    def events(self, batch: Sequence[Event]) -> None:
        if self._over:
            return
        try:
            self._modules.collect(batch)
            data = self._writer.write(batch)
        except StockyardError as error:
            self.stream.cancel()
            self.failed(error)
            return
        if data:
            self._send(data)

    def finish(self, comment: bytes) -> None:
        self._reply.finish(self._last_words(partial(self._writer.end, comment)))

    def fail(self, fault: Fault) -> None:
        self._break_off(self._codec, self._last_words(partial(self._writer.fail, fault)))

    def _last_words(self, write: Callable[[], bytes]) -> bytes:
        """The end of the stream as the writer encodes it. If that fails, the connection is cut, so
        that the client does not wait for ever."""
        try:
            return write()
        except BaseException:
            self._reply.cut()
            raise
