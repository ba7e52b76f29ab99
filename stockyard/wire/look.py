"""Watch a forwarded stream for usage, the finish and errors: what all formats share.

The bytes are split into pieces (events, lines or frames), and each is parsed no further than
needed. Most streams are server-sent events, and most of those are objects with a `type`.
"""

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.cutter import Cutter
from stockyard.wire.sse import DONE, Blocks, ParsedBlock, clean, is_whole, parse_block
from stockyard.wire.surrogates import loose
from stockyard.wire.width import MAX_EVENTS, too_much

MAX_COPIED = 1024**3
"""How many bytes are copied, at most, to keep together what follows the end of an answer."""
MAX_LATE = 64 * 1024 * 1024

Piece = TypeVar("Piece")
Seen = TypeVar("Seen", bound=Struct)


class Look(ABC, Generic[Piece]):
    """Implements `codec.StreamLook`, except for `usage` and `end`."""

    def __init__(self, cutter: Cutter[Piece], *, native: bool) -> None:
        self._cutter = cutter
        self._native = native
        self.content = False
        self.terminator = b""
        self.finish = ""
        self.odd_finish = ""
        self.model = ""
        self.before_error = b""
        self._copied = self._pieces = 0

    def feed(self, data: bytes) -> bytes:
        passed: list[bytes] = []
        try:
            passed.extend(map(self._pass_on, self._cutter.feed(data)))
            self._pieces += len(passed)
            if self._pieces > MAX_EVENTS:
                raise too_much("events")
        except UpstreamError:
            self.before_error = b"".join(passed)
            raise
        return b"".join(passed)

    def tell_usage(self, usage: Usage) -> bytes:
        return b""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the stream would be complete if it ended now."""

    @abstractmethod
    def _pass(self, piece: Piece, /) -> bytes:
        """The bytes of this piece to forward now."""

    def _pass_on(self, piece: Piece) -> bytes:
        """The same. An error in a piece after the end is ignored: the answer is complete."""
        try:
            return self._pass(piece)
        except UpstreamError:
            if not self.terminator or not self.complete:
                raise
            return self._late(piece)

    def _late(self, piece: Piece, /) -> bytes:
        """The bytes to forward of a broken piece after the end."""
        return b""

    def _keep(self, piece: bytes) -> bytes:
        """Keep what ends the answer, or follows its end; nothing of it is to be forwarded now.
        Raises `bad_answer` when too much has followed."""
        self._copied += len(self.terminator)
        if self._copied > MAX_COPIED or len(self.terminator) > MAX_LATE:
            self.terminator = b""
            raise too_much("events after its end")
        self.terminator += piece
        return b""


class EventsLook(Look[bytes]):
    """Watches server-sent events."""

    def __init__(self, blocks: Blocks | None = None, *, native: bool) -> None:
        self._blocks = blocks or Blocks()
        super().__init__(self._blocks, native=native)
        self._done = False

    def end(self) -> bytes:
        rest = self._blocks.rest()
        if self._native and not rest.strip():
            return self._kept(rest)
        if not rest.strip() or not self.is_whole(rest):
            # On native routes a complete answer may end in any way its provider likes.
            return self._kept(rest) if self._native and self.complete else b""
        return self._pass_on(rest if self._native else rest.rstrip(b"\r\n") + b"\n\n")

    @staticmethod
    @abstractmethod
    def is_whole(block: bytes, /) -> bool:
        """Whether a final block without its blank line is complete enough to be used."""

    def _end_with(self, block: bytes) -> bytes:
        """Hold back the terminator; on native routes a second one too."""
        if self._native or not self._done:
            self._keep(block)
        self._done = True
        return b""

    def _late(self, block: bytes, /) -> bytes:
        return self._kept(block)

    def _kept(self, block: bytes) -> bytes:
        """The block, unless the terminator has come: then it is dropped, or on native routes added
        to it."""
        if not self._done:
            return block
        return self._keep(block) if self._native else b""


class NamedEventsLook(EventsLook, Generic[Seen]):
    """Watches events whose `event:` name repeats the type in their data, which clients rely on."""

    decoder: "msgspec.json.Decoder[Seen]"
    is_whole = staticmethod(is_whole)

    @staticmethod
    @abstractmethod
    def not_ours() -> UpstreamError:
        """The error for a stream that is not in this format."""

    @staticmethod
    def is_name(kind: str, /) -> bool:
        """Whether a type is usable as an event name."""
        return kind.isidentifier()

    @abstractmethod
    def _see(self, event: Seen, heard: ParsedBlock, block: bytes) -> bytes:
        """Note what an event says; return the bytes to forward."""

    def _pass(self, block: bytes, /) -> bytes:
        heard = parse_block(block)
        if heard.data == DONE:
            odd = not self._native and not heard.plain
            return self._end_mark(clean(heard, named=True) if odd else block)
        if not self._native and heard.data and (not heard.plain or not heard.name):
            return self._read(heard, clean(self._named(heard), named=True))
        if not self._native and not heard.plain:
            return b""
        if heard.data:
            return self._read(heard, block)
        return self._kept(block if self._native or heard.data is None else b"")

    def _end_mark(self, block: bytes) -> bytes:
        """`[DONE]`, an end mark of other formats that clients of this one cannot parse."""
        return self._kept(block) if self._native else b""

    def _read(self, heard: ParsedBlock, block: bytes) -> bytes:
        event = self._event(heard.data or b"")
        if event is not None:
            return self._see(event, heard, block)
        if self._native:
            return self._kept(block)
        raise self.not_ours()

    def _event(self, data: bytes) -> Seen | None:
        return read_as(self.decoder, data)

    def _named(self, heard: ParsedBlock) -> ParsedBlock:
        """The event with its name, which some servers omit or send after the data."""
        if heard.name:
            return heard
        value = loose(heard.data or b"")
        kind = value.get("type") if isinstance(value, dict) else None
        name = kind if isinstance(kind, str) and self.is_name(kind) else ""
        return ParsedBlock(name.encode(), heard.data)


def read_as(decoder: "msgspec.json.Decoder[Seen]", data: bytes) -> Seen | None:
    """Decode JSON even if its strings hold lone surrogates; None if it does not fit the type."""
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        value: Any = loose(data)
    try:
        return msgspec.convert(value, decoder.type)
    except ValueError:
        return None
