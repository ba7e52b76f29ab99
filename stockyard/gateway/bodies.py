"""Collect a request body, and refuse any doubt about where it ends.

For a chunked body (HS18), sizes have at most 16 hex digits, every line ends in CR LF, and sizes,
extensions and trailers together may cost 1,024 bytes and 32 more for each chunk. Anything else is
refused, because a proxy in front of us may have read it differently.
"""

import re

from stockyard.gateway.http import FRAMING, HttpError, check_field

TOO_LARGE = "The body of the request is too large."
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e\x80-\xff]*)?")


class SizedBody:
    """A body with a Content-Length."""

    __slots__ = ("_left", "body")

    def __init__(self, length: int) -> None:
        self.body = bytearray()
        self._left = length

    def feed(self, data: bytes) -> bytes | None:
        """None while the body is incomplete; once it is complete, the bytes that follow it."""
        if len(data) < self._left:
            self.body += data
            self._left -= len(data)
            return None
        self.body += data[: self._left]
        return data[self._left :]

    def complete(self) -> bytes:
        """All of it."""
        return bytes(self.body)


class UnframedBody:
    """A body from another server, which has parsed its framing and reports its end."""

    __slots__ = ("_left", "body")

    def __init__(self, max_bytes: int) -> None:
        self.body = bytearray()
        self._left = max_bytes

    def feed(self, data: bytes) -> None:
        """Raises HttpError for too large a body."""
        self._left -= len(data)
        if self._left < 0:
            raise HttpError(413, "max_body", TOO_LARGE)
        self.body += data

    def complete(self) -> bytes:
        """All of it."""
        return bytes(self.body)


class ChunkedBody:
    """One chunked body, fed as it arrives. Extensions and trailers are checked and discarded."""

    __slots__ = ("_chunks", "_framing", "_left", "_max_bytes", "_rest", "_step", "_total", "body")

    def __init__(self, max_bytes: int) -> None:
        self.body = bytearray()
        self._max_bytes = max_bytes
        self._rest = b""
        self._step = self._size
        self._left = 0
        self._total = 0
        self._chunks = 0
        self._framing = 0

    def feed(self, data: bytes) -> bytes | None:
        """As `SizedBody.feed`. Raises HttpError for malformed framing and for too large a body."""
        data, self._rest = self._rest + data if self._rest else data, b""
        at: int | None = 0
        while at is not None:
            end = at
            at = self._step(data, end)
            if at == -1:
                return data[end + 2 :]
        return None

    def complete(self) -> bytes:
        """All of it."""
        return bytes(self.body)

    def _size(self, data: bytes, start: int) -> int | None:
        line = self._line(data, start)
        if line is None:
            return None
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise HttpError(400, "HS18", "The size of a chunk is malformed.")
        self._left = int(match[1], 16)
        self._chunks += 1
        self._total += self._left
        if self._total > self._max_bytes:
            raise HttpError(413, "max_body", TOO_LARGE)
        self._step = self._data if self._left else self._trailer
        return start + len(line) + 2

    def _data(self, data: bytes, start: int) -> int | None:
        piece = data[start : start + self._left]
        self.body += piece
        self._left -= len(piece)
        if self._left:
            return None
        self._step = self._data_end
        return start + len(piece)

    def _data_end(self, data: bytes, start: int) -> int | None:
        end = data[start : start + 2]
        if not b"\r\n".startswith(end):
            raise HttpError(400, "HS18", "A chunk does not end where its size says.")
        if len(end) < 2:
            self._rest = end
            return None
        self._framing += 2
        self._step = self._size
        return start + 2

    def _trailer(self, data: bytes, start: int) -> int | None:
        line = self._line(data, start)
        if line is None:
            return None
        if not line:
            return -1
        name = line.partition(b":")[0].lower()
        if name in FRAMING or name in (b"host", b"trailer"):
            raise HttpError(400, "HS18", "A trailer may not say how the request is framed.")
        check_field(line)
        return start + len(line) + 2

    def _line(self, data: bytes, start: int) -> bytes | None:
        """The line that starts here, if it is complete. Counts it against what framing may cost."""
        end = data.find(b"\r\n", start)
        size = (len(data) if end < 0 else end + 2) - start
        if self._framing + size > 1024 + 32 * (self._chunks + 1):
            raise HttpError(400, "HS18", "The framing of the body takes too many bytes.")
        if end < 0:
            self._rest = data[start:]
            return None
        self._framing += size
        return data[start:end]
