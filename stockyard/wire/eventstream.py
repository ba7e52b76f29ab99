"""Parse and build the binary frames of an AWS event stream, fed in arbitrary pieces.

A frame is its own length and that of its headers (u32 each), a CRC-32 of those eight bytes, the
headers, the payload, and a CRC-32 of all before it. A header is a name (u8 length), a type (u8) and
a value; those that say what a frame is are strings. Both checksums are verified: a frame that fails
either is not believed, and where the next one would begin is not known.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from stockyard.errors import UpstreamError
from stockyard.wire.width import weighed

STREAM_TYPE = b"application/vnd.amazon.eventstream"
MAX_FRAME = 16 * 1024 * 1024
MAX_HEADERS = 128 * 1024
"""Bytes of headers per frame; the limit of the service."""

LONGEST_REMEMBERED = 512
"""Bytes. Longer headers are not cached, so that the cache stays small."""

_PRELUDE = struct.Struct("!III")
_LENGTH = struct.Struct("!H")
_CHECKSUM = struct.Struct("!I")
_AROUND = _PRELUDE.size + _CHECKSUM.size
"""Bytes of a frame that are neither headers nor payload."""

_TEXT, _BYTES = 7, 6
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Type of a header -> bytes of its value: booleans, integers, time stamps, UUIDs."""


class Frame(NamedTuple):
    raw: bytes
    """The frame's bytes as they came."""
    headers: Mapping[str, str]
    """The headers that hold text."""
    payload: bytes

    @property
    def event(self) -> str:
        """The event type; empty for exceptions and errors."""
        return self.headers.get(":event-type", "") if self.is_event else ""

    @property
    def is_event(self) -> bool:
        return self.headers.get(":message-type", "event") == "event"


class Frames:
    """Splits bytes into whole frames."""

    __slots__ = ("_buffer", "_limit", "_wanted")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._wanted = 0
        """Length of the incomplete frame; 0 until its prelude has arrived."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by this data, to be consumed before the next is fed.

        Raises UpstreamError (`bad_answer`) at an invalid frame, after yielding those before it.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while end := self._end_of_frame(start):
                whole = _frame(bytes(memoryview(buffer)[start:end]))
                start, self._wanted = end, 0
                yield whole
        finally:
            del buffer[:start]

    def rest(self) -> bytes:
        """The bytes of an incomplete last frame. The stream has ended."""
        return bytes(self._buffer)

    def _end_of_frame(self, start: int) -> int:
        """Where the frame that begins here ends; 0 while it is incomplete."""
        if not self._wanted:
            if len(self._buffer) - start < _PRELUDE.size:
                return 0
            self._wanted = _length(self._buffer, start, self._limit)
        end = start + self._wanted
        return end if end <= len(self._buffer) else 0


def frame(headers: Iterable[tuple[str, str]], payload: bytes) -> bytes:
    """Build a frame with these headers and this payload."""
    block = b"".join(_header(name, value) for name, value in headers)
    lengths = struct.pack("!II", _AROUND + len(block) + len(payload), len(block))
    start = b"%b%b%b%b" % (lengths, _CHECKSUM.pack(crc32(lengths)), block, payload)
    return start + _CHECKSUM.pack(crc32(start))


def event(name: str, payload: bytes) -> bytes:
    """Build the frame of a JSON event."""
    return frame(
        (
            (":event-type", name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ),
        payload,
    )


def exception(name: str, payload: bytes) -> bytes:
    """Build the frame of an error, which ends a stream."""
    return frame(
        (
            (":exception-type", name),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ),
        payload,
    )


def _length(buffer: bytearray, start: int, limit: int) -> int:
    total, headers, checksum = _PRELUDE.unpack_from(buffer, start)
    if crc32(memoryview(buffer)[start : start + 8]) != checksum:
        raise _broken("A frame of the provider's stream has a wrong checksum.")
    if total > limit:
        raise _broken(f"The provider sent a frame of more than {limit} bytes.")
    if headers > MAX_HEADERS or headers + _AROUND > total:
        raise _broken("A frame of the provider's stream has impossible lengths.")
    return int(total)


def _frame(raw: bytes) -> Frame:
    (checksum,) = _CHECKSUM.unpack_from(raw, len(raw) - 4)
    if crc32(memoryview(raw)[:-4]) != checksum:
        raise _broken("A frame of the provider's stream has a wrong checksum.")
    end = _PRELUDE.size + int.from_bytes(raw[4:8])
    block = raw[_PRELUDE.size : end]
    read = _remembered if len(block) <= LONGEST_REMEMBERED else _headers
    return Frame(raw, read(block), weighed(raw[end:-4]))


def _headers(block: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    at, end = 0, len(block)
    while at < end:
        name_end = at + 1 + block[at]
        if name_end >= end:
            raise _broken("A frame of the provider's stream has impossible lengths.")
        name, kind = block[at + 1 : name_end], block[name_end]
        at = name_end + 1
        if kind in (_TEXT, _BYTES):
            length = int.from_bytes(block[at : at + 2])
            at += 2
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise _broken("A frame of the provider's stream has a header of an unknown type.")
        if kind == _TEXT:
            value = block[at : at + length]
            found[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        at += length
    if at != end:
        raise _broken("A frame of the provider's stream has impossible lengths.")
    return found


_remembered = lru_cache(maxsize=256)(_headers)
"""Parsed headers by their bytes, which are the same for every event of a type."""


def _header(name: str, value: str) -> bytes:
    said, text = name.encode(), value.encode()
    return b"%c%b%c%b%b" % (len(said), said, _TEXT, _LENGTH.pack(len(text)), text)


def _broken(message: str) -> UpstreamError:
    return UpstreamError("bad_answer", message, code="broken_frame")
