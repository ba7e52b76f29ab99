"""Read and write streams of typed events, for speech, transcriptions and images."""

from typing import Any

import msgspec

from stockyard.core.events import Event, Finished, UsageSeen
from stockyard.wire.codec import Traits
from stockyard.wire.media_usage import read_media_usage
from stockyard.wire.reader import EventsReader
from stockyard.wire.sse import DONE, parse_block
from stockyard.wire.surrogates import loose
from stockyard.wire.typed_look import Grammar, is_whole, not_of, read_event

_encode = msgspec.json.Encoder().encode
Value = dict[str, Any]


class TypedReader(EventsReader):
    """Reads events by their grammar. Each format says what a piece and an end mean."""

    grammar: Grammar
    is_whole = staticmethod(is_whole)

    def __init__(self, *, traits: Traits, expected: int = 1) -> None:
        super().__init__()
        self._traits = traits
        self._expected = expected
        self._done = False
        self._ends = 0

    @property
    def complete(self) -> bool:
        return self._ends >= self._expected or (self._done and self._ends > 0)

    def _read(self, block: bytes, events: list[Event], /) -> None:
        heard = parse_block(block)
        if not heard.data or heard.data == DONE:
            self._done = self._done or heard.data == DONE
            return
        if self.complete:
            return
        event = read_event(heard)
        value = loose(heard.data)
        if event is None or not isinstance(value, dict):
            raise not_of(self.grammar)
        if event.type in self.grammar.ends:
            self._ends += 1
            events += (*self.ended(value), *self._usage(value))
        elif event.type in self.grammar.pieces:
            events += self.piece(value)

    def _end_all(self, events: list[Event]) -> None:
        events.append(Finished(reason="stop"))

    def _usage(self, value: Value) -> list[Event]:
        units = {self.grammar.unit: self._ends} if self.grammar.unit else {}
        usage = read_media_usage(value.get("usage"), self._traits, **units)
        return [] if usage is None else [UsageSeen(usage=usage)]

    def piece(self, value: Value) -> list[Event]:
        """The Events of one piece of the answer."""
        raise NotImplementedError

    def ended(self, value: Value) -> list[Event]:
        """What the event says that ends the answer, besides the usage."""
        return []


def typed(value: Value, *, named: bool = False) -> bytes:
    """One event on the wire."""
    name = f"event: {value['type']}\n".encode() if named else b""
    return b"%bdata: %b\n\n" % (name, _encode(value))
