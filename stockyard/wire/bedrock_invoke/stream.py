"""Streams: the events of Messages, each as base64 text in a frame of its own."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence

import msgspec

from stockyard.core.events import Event
from stockyard.core.money import Usage
from stockyard.errors import StockyardError, UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.anthropic_messages.look import MessagesLook
from stockyard.wire.anthropic_messages.stream import MessagesReader
from stockyard.wire.anthropic_messages.writer import STOP_EVENT, MessagesWriter
from stockyard.wire.bedrock_converse.errors import error_in_frame, failed_stream
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.eventstream import Frame, Frames
from stockyard.wire.look import Look
from stockyard.wire.sse import Blocks, parse_block
from stockyard.wire.tool_names import NO_NAMES
from stockyard.wire.width import weighed


class _Chunk(msgspec.Struct, gc=False):
    bytes: str = ""


_chunk = msgspec.json.Decoder(_Chunk).decode
_STOP = parse_block(STOP_EVENT).data or b""


class InvokeReader:
    def __init__(self, names: Mapping[str, str] = NO_NAMES) -> None:
        """`names`: derived tool names -> the names the client uses."""
        self._frames = Frames()
        self._inner = MessagesReader(names)
        self.odd_finish = ""
        self.before_error: list[Event] = []

    @property
    def complete(self) -> bool:
        return self._inner.complete

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        try:
            for frame in self._frames.feed(data):
                events += self._inner.feed(_event_in(frame))
            self.odd_finish = self._inner.odd_finish
        except StockyardError:
            self.before_error = [*events, *self._inner.before_error]
            raise
        return events

    def end(self) -> list[Event]:
        try:
            return self._inner.end()
        except StockyardError:
            self.before_error = self._inner.before_error
            raise


class InvokeLook(Look[Frame]):
    def __init__(self, *, native: bool) -> None:
        self._frames = Frames()
        super().__init__(self._frames, native=native)
        self._inner = MessagesLook(native=True)

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def complete(self) -> bool:
        return self._inner.complete

    def _pass(self, frame: Frame, /) -> bytes:
        inner = self._inner
        inner.feed(_event_in(frame))
        self.content, self.finish, self.model = inner.content, inner.finish, inner.model
        self.odd_finish = inner.odd_finish
        return self._keep(frame.raw) if inner.terminator else frame.raw

    def end(self) -> bytes:
        if self._native:
            return self._frames.rest()
        if self.complete:
            self.terminator = self.terminator or _frame_of(_STOP)
        return b""


class InvokeWriter:
    def __init__(self, pen: Pen) -> None:
        self._inner = MessagesWriter(pen)
        self._blocks = Blocks()

    def write(self, events: Sequence[Event]) -> bytes:
        return self._framed(self._inner.write(events))

    def end(self, comment: bytes = b"") -> bytes:
        return self._framed(self._inner.end())

    def fail(self, fault: Fault) -> bytes:
        return self._framed(self._inner.write(())) + failed_stream(fault)

    def _framed(self, stream: bytes) -> bytes:
        events = (parse_block(block).data for block in self._blocks.feed(stream))
        return b"".join(_frame_of(event) for event in events if event)


def _frame_of(event: bytes) -> bytes:
    return eventstream.event("chunk", msgspec.json.encode({"bytes": b64encode(event).decode()}))


def _event_in(frame: Frame) -> bytes:
    """The event in a frame, as a Messages stream would have it. Raises UpstreamError for errors."""
    if not frame.is_event:
        raise error_in_frame(frame)
    try:
        event = weighed(b64decode(_chunk(frame.payload).bytes, validate=True))
    except (ValueError, RecursionError):
        raise UpstreamError(
            "bad_answer", "The provider's stream has an event that cannot be read."
        ) from None
    if not event:
        return b""
    return b"data: %b\n\n" % event.replace(b"\r", b" ").replace(b"\n", b" ")
