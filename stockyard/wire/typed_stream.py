"""Read and write streams of typed events, for speech, transcriptions and images."""

from typing import Any

import msgspec

from stockyard.core.events import Event, Finished, UsageSeen
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Traits
from stockyard.wire.media_usage import read_media_usage
from stockyard.wire.sse import DONE, Blocks, parse_block
from stockyard.wire.surrogates import loose
from stockyard.wire.typed_look import Grammar, is_whole, not_of, read_event

_encode = msgspec.json.Encoder().encode
Value = dict[str, Any]


class TypedReader:
    """Knows the grammar; what a piece and an end mean is said by the formats."""

    grammar: Grammar

    def __init__(self, *, traits: Traits, expected: int = 1) -> None:
        self._traits = traits
        self._expected = expected
        self._done = False
        self._blocks = Blocks()
        self._ends = 0
        self.odd_finish = ""
        self.before_error: list[Event] = []

    @property
    def complete(self) -> bool:
        return self._ends >= self._expected or (self._done and self._ends > 0)

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        try:
            for block in self._blocks.feed(data):
                events += self._read(block)
        except UpstreamError:
            self.before_error = events
            raise
        return events

    def end(self) -> list[Event]:
        rest = self._blocks.rest()
        events = self._read(rest) if is_whole(rest) else []
        if not self.complete:
            raise UpstreamError("interrupted", "The provider's answer broke off before its end.")
        return [*events, Finished(reason="stop")]

    def _read(self, block: bytes) -> list[Event]:
        heard = parse_block(block)
        if not heard.data or heard.data == DONE:
            self._done = self._done or heard.data == DONE
            return []
        if self.complete:
            return []
        event = read_event(heard)
        value = loose(heard.data)
        if event is None or not isinstance(value, dict):
            raise not_of(self.grammar)
        if event.type in self.grammar.ends:
            self._ends += 1
            return [*self.ended(value), *self._usage(value)]
        return self.piece(value) if event.type in self.grammar.pieces else []

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
