"""The two framings of a stream: server-sent events, or elements of one JSON array.

Both carry the same JSON documents. Clients of this format take nothing else: no comments, no event
names, no end mark. Events end with CRLF, as those of the services do.
"""

import re
from typing import NamedTuple, Protocol

from msgspec import Struct

from stockyard.wire.json_array import Elements, element_of
from stockyard.wire.sse import DONE, Blocks, parse_block

_BLANKS = b" \t\r\n"
_OPENINGS = (b"{", b"[")
_COMMENT = re.compile(rb"(?:^|[\r\n]):")


class Frame(NamedTuple):
    """One event as it came."""

    raw: bytes
    document: bytes
    """Its JSON; empty when it says nothing."""
    plain: bool = True
    """A client of this format can read it as it is."""


class Frames(Protocol):
    def feed(self, data: bytes) -> list[Frame]:
        """The events that this piece completes."""

    def rest(self) -> Frame:
        """What came after the last event. The stream has ended."""


class EventFrames:
    """Frames of server-sent events."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks = Blocks()

    def feed(self, data: bytes) -> list[Frame]:
        return [_frame(block) for block in self._blocks.feed(data)]

    def rest(self) -> Frame:
        rest = self._blocks.rest()
        if not rest.strip(_BLANKS):
            return Frame(rest, b"")
        return Frame(rest, _frame(rest + b"\r\n\r\n").document, plain=False)


class ArrayFrames:
    """Frames of one JSON array."""

    __slots__ = ("_elements",)

    def __init__(self) -> None:
        self._elements = Elements()

    def feed(self, data: bytes) -> list[Frame]:
        return [Frame(piece, element_of(piece)) for piece in self._elements.feed(data)]

    def rest(self) -> Frame:
        return Frame(self._elements.rest(), b"")


def _frame(block: bytes) -> Frame:
    # The shape of nearly every event: one `data` line. The look at its parts costs as much as the
    # rest, so it is made only for others.
    end = len(block) - 4
    if block.startswith(b"data: {") and block.find(b"\r") == end and block.find(b"\n") == end + 1:
        return Frame(block, block[6:end])
    heard = parse_block(block)
    if heard.data is None:
        # Errors were seen in a stream as bare JSON, without `data:`.
        bare = block.strip(_BLANKS)
        return Frame(block, bare if bare.startswith(_OPENINGS) else b"", plain=False)
    if heard.data == DONE:
        return Frame(block, b"", plain=False)
    plain = heard.plain and not heard.name and not _COMMENT.search(block)
    return Frame(block, heard.data, plain=plain and bool(heard.data))


class Envelope(Struct, frozen=True):
    """What is written around the documents of a stream."""

    first: bytes
    later: bytes
    """Before every document but the first."""
    after: bytes
    end: bytes

    def again(self, document: bytes) -> bytes:
        """A document that was read, set apart as clients of this format want it."""
        return self.later + document.replace(b"\n", b" ").replace(b"\r", b" ") + self.after


EVENTS = Envelope(b"data: ", b"data: ", b"\r\n\r\n", b"")
ARRAY = Envelope(b"[", b",\r\n", b"\n", b"]")
