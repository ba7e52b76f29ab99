"""Watch a forwarded stream of typed events for usage and errors.

Streams of speech, transcriptions and images are alike: every event is one object with a `type`,
some bear a piece of the answer, and the last tells the usage. That last one is kept back as the
terminator; where another piece follows it after all (the next image), it goes on with that.
"""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Traits
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.look import EventsLook, read_as
from stockyard.wire.media_usage import read_media_usage
from stockyard.wire.sse import DONE, ParsedBlock, clean, parse_block
from stockyard.wire.surrogates import loose


class Grammar(Struct, frozen=True, kw_only=True):
    """The types of one format's events."""

    pieces: frozenset[str]
    """Those that bear a piece of the answer."""
    ends: frozenset[str]
    """Those after which it is complete."""
    unit: str = ""
    """What each end is one of, where the answer is not counted in tokens only."""
    noun: str
    """What the whole is called, for who must be told that it is none."""


class TypedEvent(Struct, gc=False):
    type: Any = None
    usage: Any = None
    error: Any = None


_EVENT = msgspec.json.Decoder(TypedEvent)


def is_whole(rest: bytes) -> bool:
    """Whether a last event lacks nothing but its blank line."""
    data = parse_block(rest).data
    return data == DONE or (data is not None and loose(data) is not None)


class TypedLook(EventsLook):
    is_whole = staticmethod(is_whole)

    def __init__(
        self, grammar: Grammar, *, traits: Traits, native: bool, expected: int = 1
    ) -> None:
        super().__init__(native=native)
        self._expected = expected
        self._grammar = grammar
        self._traits = traits
        self._usage_said: Any = None
        self._ends = 0

    @property
    def usage(self) -> Usage | None:
        units = {self._grammar.unit: self._ends} if self._grammar.unit else {}
        return read_media_usage(self._usage_said, self._traits, **units)

    @property
    def complete(self) -> bool:
        return self._ends >= self._expected or (self._done and self._ends > 0)

    def _pass(self, block: bytes, /) -> bytes:
        heard = parse_block(block)
        if not self._native and not heard.plain:
            block = clean(heard, named=True)
        if not heard.data:
            return self._between(block if self._native or heard.data is None else b"")
        if heard.data == DONE:
            return self._end_with(block)
        return self._see(heard, block)

    def _see(self, heard: ParsedBlock, block: bytes) -> bytes:
        event = read_event(heard)
        if event is None:
            if self._native:
                return self._kept(block)
            raise not_of(self._grammar)
        if self._done:
            return self._kept(block)
        if event.type in self._grammar.ends:
            return self._note_end(event, block)
        if event.type in self._grammar.pieces:
            self.content = True
        return self._kept(block)

    def _note_end(self, event: TypedEvent, block: bytes) -> bytes:
        self._ends += 1
        self.content = True
        self.finish = "stop"
        self._usage_said = event.usage or self._usage_said
        earlier, self.terminator = self.terminator, block
        return earlier

    def _late(self, block: bytes, /) -> bytes:
        return self._between(block if self._native else b"")

    def _between(self, block: bytes) -> bytes:
        """What is no event: it stays with the end where that has come."""
        if not self.terminator:
            return block
        return self._keep(block)

    def _kept(self, block: bytes) -> bytes:
        """After the end mark nothing goes out; on native routes the bytes follow it."""
        if not self._done:
            earlier, self.terminator = self.terminator, b""
            return earlier + block
        return self._keep(block) if self._native else b""


def read_event(heard: ParsedBlock) -> TypedEvent | None:
    """The event of a block; None for what is none. Raises UpstreamError for an error."""
    data = heard.data or b""
    event = read_as(_EVENT, data)
    if event is None:
        return None
    if heard.name == b"error" or event.type == "error" or event.error:
        raise error_in_answer(error_body(loose(data)))
    return event


def not_of(grammar: Grammar) -> UpstreamError:
    return UpstreamError("bad_answer", f"The provider's stream is not {grammar.noun}.")
