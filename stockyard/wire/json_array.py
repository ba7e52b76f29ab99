"""Split a streamed JSON array into its elements, fed in arbitrary pieces.

Some services stream one array, `[{...}\\n,\\r\\n{...}\\n]`, sent as its elements become known.
Where an element ends is told by its brackets, and those inside its strings do not count. Nothing
is decoded here, and no byte is looked at twice.
"""

import re

from stockyard.errors import UpstreamError
from stockyard.wire.sse import MAX_EVENT
from stockyard.wire.width import BYTES_PER_THING, FEW, too_much, weighed

_STRUCTURE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_BETWEEN = b", \t\r\n"


class Elements:
    """Splits an array into elements, byte for byte as they came, each with the bytes before it.

    An array of objects is expected. A single object that stands alone counts as an element, too:
    that is how some errors come.
    """

    __slots__ = ("_at", "_buffer", "_depth", "_in_string", "_limit", "_opened", "_things", "closed")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._at = 0
        """Up to here the buffer has been scanned."""
        self._depth = 0
        """Open brackets within the element; 0 between elements."""
        self._things = 0
        """Objects and arrays in the element so far."""
        self._in_string = False
        self._opened = False
        self.closed = False
        """The array has ended."""

    def feed(self, data: bytes) -> list[bytes]:
        """The elements that this piece completes. Joined with `rest`, they are what came."""
        buffer = self._buffer
        buffer += data
        found, start = [], 0
        while end := self._element_end():
            found.append(weighed(bytes(buffer[start:end])))
            start = end
        if start:
            del buffer[:start]
            self._at -= start
        if len(buffer) > self._limit:
            raise UpstreamError(
                "bad_answer",
                f"The provider sent one event of more than {self._limit} bytes.",
                code="limit_exceeded",
            )
        return found

    def rest(self) -> bytes:
        """What came after the last element. The stream has ended."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._at = 0
        return rest

    def _element_end(self) -> int:
        """Where the next element ends; 0 while it is incomplete."""
        buffer = self._buffer
        while True:
            if self._in_string:
                if not self._skip_string():
                    return 0
                continue
            mark = _STRUCTURE.search(buffer, self._at)
            if self._depth == 0:
                self._check_between(buffer[self._at : mark.start() if mark else len(buffer)])
            if mark is None:
                self._at = len(buffer)
                return 0
            self._at = mark.end()
            if self._takes(mark[0]):
                return self._at

    def _takes(self, mark: bytes) -> bool:
        """Go over one bracket or quote. Returns whether it ends an element."""
        if self._depth == 0 and mark != b"{":
            if mark == b"[" and not self._opened:
                self._opened = True
            elif mark == b"]" and self._opened and not self.closed:
                self.closed = True
            else:
                raise not_an_array()
            return False
        if mark == b'"':
            self._in_string = True
        elif mark in b"{[":
            if self.closed:
                raise not_an_array()
            self._depth += 1
            self._things += 1
            if self._things > FEW and self._things * BYTES_PER_THING > self._at:
                raise too_much("parts")  # at once: to find its end would take seconds
        else:
            self._depth -= 1
        if self._depth:
            return False
        self._things = 0
        return True

    def _skip_string(self) -> bool:
        """Go on to the end of the string. Returns whether it has come."""
        buffer = self._buffer
        while mark := _IN_STRING.search(buffer, self._at):
            if mark[0] == b'"':
                self._at = mark.end()
                self._in_string = False
                return True
            if mark.end() == len(buffer):
                # What the backslash escapes is still to come.
                self._at = mark.start()
                return False
            self._at = mark.end() + 1
        self._at = len(buffer)
        return False

    def _check_between(self, between: bytes | bytearray) -> None:
        if between.strip(_BETWEEN):
            raise not_an_array()


def element_of(piece: bytes) -> bytes:
    """The element in a piece, without what stands before it."""
    return piece.lstrip(b"[" + _BETWEEN)


def not_an_array() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not an array of events.")
