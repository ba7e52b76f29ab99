"""Read a provider's stream into Events: what all formats share.

The bytes are split into pieces as in `look`, and each piece is decoded in full.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from stockyard.core.events import Event
from stockyard.errors import StockyardError, UpstreamError
from stockyard.wire.cutter import Cutter
from stockyard.wire.fields import FieldError
from stockyard.wire.sse import DONE, Blocks, is_whole, parse_block
from stockyard.wire.surrogates import SurrogatePairs, decode_event
from stockyard.wire.width import MAX_AT_ONCE, MAX_EVENTS, too_much

Piece = TypeVar("Piece")
ByType = Mapping[str, Callable[[Any, dict[str, Any], list[Event]], None]]
"""Type of an event -> the method that reads it."""


class Reader(ABC, Generic[Piece]):
    def __init__(self, cutter: Cutter[Piece]) -> None:
        self._cutter = cutter
        self._pairs = SurrogatePairs()
        self.odd_finish = ""
        self.before_error: list[Event] = []
        self._pieces = 0

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the stream would be complete if it ended now."""

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        pieces = self._pieces
        try:
            for piece in self._cutter.feed(data):
                pieces += 1
                self._read(piece, events)
            self._pieces = pieces
            if pieces > MAX_EVENTS:
                raise too_much("events")
            if len(events) > MAX_AT_ONCE:
                events.clear()  # for nobody: to write or fold them would take as long again
                raise too_much("parts")
        except StockyardError:
            self.before_error = events
            raise
        return events

    def end(self) -> list[Event]:
        events: list[Event] = []
        self._read_rest(events)
        if not self.complete:
            self.before_error = events
            raise UpstreamError("interrupted", "The provider's answer broke off before its end.")
        self._end_all(events)
        return events

    @abstractmethod
    def _read(self, piece: Piece, events: list[Event], /) -> None: ...

    def _read_rest(self, events: list[Event]) -> None:
        """Read an incomplete last piece, where that is safe."""

    def _end_all(self, events: list[Event]) -> None:
        """Append the Events that close what a complete stream left open."""


class EventsReader(Reader[bytes]):
    """Reads server-sent events."""

    def __init__(self, blocks: Blocks | None = None) -> None:
        self._blocks = blocks or Blocks()
        super().__init__(self._blocks)

    @staticmethod
    @abstractmethod
    def is_whole(block: bytes, /) -> bool:
        """Whether a final block without its blank line is complete enough to be used."""

    def _read_rest(self, events: list[Event]) -> None:
        rest = self._blocks.rest()
        if rest.strip() and self.is_whole(rest):
            self._read(rest + b"\n\n", events)


class NamedEventsReader(EventsReader):
    """Reads events with a `type` in their data. The `event:` line only repeats it, and some servers
    leave it out."""

    by_type: ClassVar[ByType]
    """Events that are not in it are ignored."""
    is_whole = staticmethod(is_whole)

    def __init__(self) -> None:
        super().__init__()
        self._done = False
        """The answer is over; later events are ignored."""

    @staticmethod
    @abstractmethod
    def tells_error(event: Any, /) -> bool: ...
    @staticmethod
    @abstractmethod
    def error_of(event: Any, /) -> UpstreamError: ...
    @staticmethod
    @abstractmethod
    def not_ours() -> UpstreamError:
        """The error for a stream that is not in this format."""

    def _read(self, block: bytes, events: list[Event], /) -> None:
        heard = parse_block(block)
        if not heard.data or heard.data == DONE or self._done:
            return
        try:
            event = decode_event(heard.data)
            if heard.name == b"error" or self.tells_error(event):
                raise self.error_of(event)
            read = self.by_type.get(event.get("type"))
            if read is not None:
                read(self, event, events)
        except (FieldError, ValueError, RecursionError, TypeError, AttributeError, KeyError):
            raise self.not_ours() from None
