"""Split JSON lines, fed in arbitrary pieces.

One document is one line, ended by LF, CRLF or CR. A CR ends its line at once; a LF that comes after
it is handed on as a piece of its own, so that joined pieces are the bytes as they came.
"""

import re

from stockyard.errors import UpstreamError
from stockyard.wire.sse import MAX_EVENT
from stockyard.wire.width import LARGE, weighed

_END = re.compile(rb"\r\n|\n|\r")


class Lines:
    """Whole lines, byte for byte as they came. Time is linear in the bytes fed."""

    __slots__ = ("_ended_on_cr", "_held", "_limit", "_size")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._held: list[bytes] = []
        """Pieces of a line that has not ended."""
        self._size = 0
        self._limit = limit
        self._ended_on_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that this piece completes, each with its end."""
        if b"\r" in data or self._ended_on_cr:
            return self._feed_any(data)
        end = data.rfind(b"\n") + 1
        if not end:
            self._hold(data)
            return []
        lines = [line + b"\n" for line in data[: end - 1].split(b"\n")]
        lines[0] = self._joined(lines[0])
        self._hold(data[end:])
        return lines if len(data) <= LARGE else list(map(weighed, lines))

    def rest(self) -> bytes:
        """What came after the last end of a line. The stream has ended."""
        return self._joined(b"")

    def _feed_any(self, data: bytes) -> list[bytes]:
        lines: list[bytes] = []
        start = 0
        if self._ended_on_cr and data.startswith(b"\n"):
            lines.append(b"\n")
            start = 1
        for found in _END.finditer(data, start):
            lines.append(weighed(self._joined(data[start : found.end()])))
            start = found.end()
        self._ended_on_cr = data.endswith(b"\r") if data else self._ended_on_cr
        self._hold(data[start:])
        return lines

    def _joined(self, end: bytes) -> bytes:
        if not self._held:
            return end
        line = b"".join([*self._held, end])
        self._held.clear()
        self._size = 0
        return weighed(line)

    def _hold(self, data: bytes) -> None:
        if not data:
            return
        self._held.append(data)
        self._size += len(data)
        if self._size > self._limit:
            raise UpstreamError(
                "bad_answer",
                f"The provider sent one line of more than {self._limit} bytes.",
                code="limit_exceeded",
            )
