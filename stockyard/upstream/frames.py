"""Parse and write WebSocket frames (RFC 6455). No I/O: bytes in, frames out.

No extension is ever negotiated, so a frame is two bytes of head, the length, the mask, the payload.
What two parsers could understand differently is refused with the protocol's code for it: a length
that is not in its shortest form, a reserved bit, text that is not UTF-8, a client without mask.
"""

import base64
import codecs
import hashlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from stockyard.errors import StockyardError

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MAX_MESSAGE = 16 * 1024 * 1024
MAX_FRAGMENTS = 16 * 1024
"""Fragments of one message. They are all kept until the last one has come."""
MAX_CONTROL = 125

NO_CODE = 1005
"""Stands for a close frame without a code. Never sent."""
GOING_AWAY, PROTOCOL_ERROR, NOT_UTF8, TOO_LARGE, FAULT = 1001, 1002, 1007, 1009, 1011

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
_KNOWN = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})


class Frame(NamedTuple):
    kind: int
    data: bytes
    final: bool = True


class FrameFault(StockyardError):
    """Invalid frames, with the code for closing the connection."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class FrameReader:
    """Parses the frames of one side, from pieces of any size."""

    def __init__(self, *, masked: bool, max_message: int = MAX_MESSAGE) -> None:
        """`masked`: frames must be masked (clients), or must not be (servers)."""
        self._masked = masked
        self._max = max_message
        self._data = bytearray()
        self._kind = 0
        """The kind of the unfinished message; 0 between messages."""
        self._size = self._fragments = 0
        self._text = codecs.getincrementaldecoder("utf-8")()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete now. Raises FrameFault after the valid ones."""
        self._data += data
        while (frame := self._next()) is not None:
            self._follow(frame)
            yield frame

    def _next(self) -> Frame | None:
        data = self._data
        if len(data) < 2:
            return None
        self._check_beginning(data[0], data[1])
        kind, final, masked = data[0] & 0x0F, data[0] >= 0x80, data[1] >= 0x80
        length, at = data[1] & 0x7F, 2
        if length > MAX_CONTROL:
            at = 4 if length == 126 else 10
            if len(data) < at:
                return None
            length = _length_in(data[2:at])
        if kind < CLOSE and length + self._size > self._max:
            raise FrameFault(TOO_LARGE, f"A message has more than {self._max} bytes.")
        key = bytes(data[at : at + 4]) if masked else b""
        at += len(key) if masked else 0
        if (masked and len(key) < 4) or len(data) < at + length:
            return None
        payload = bytes(data[at : at + length])
        del data[: at + length]
        return Frame(kind, _xored(payload, key) if masked else payload, final)

    def _check_beginning(self, first: int, second: int) -> None:
        """Check the two bytes that every frame begins with."""
        kind, final = first & 0x0F, first >= 0x80
        if first & 0x70 or kind not in _KNOWN:
            raise FrameFault(PROTOCOL_ERROR, "A frame has a reserved bit or an unknown kind.")
        if (second >= 0x80) is not self._masked:
            raise FrameFault(PROTOCOL_ERROR, "A frame is masked or bare where it must not be.")
        if kind >= CLOSE and (second & 0x7F > MAX_CONTROL or not final):
            raise FrameFault(PROTOCOL_ERROR, "A control frame is too long, or in pieces.")

    def _follow(self, frame: Frame) -> None:
        """Check that the frame may come now, and that its content is valid."""
        if frame.kind >= CLOSE:
            if frame.kind == CLOSE:
                close_in(frame.data)
            return
        if (frame.kind == CONTINUATION) is not (self._kind != 0):
            raise FrameFault(PROTOCOL_ERROR, "A message begins before the last one has ended.")
        self._kind = self._kind or frame.kind
        self._size += len(frame.data)
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS:
            raise FrameFault(TOO_LARGE, f"A message has more than {MAX_FRAGMENTS} pieces.")
        if self._kind == TEXT:
            try:
                self._text.decode(frame.data, frame.final)
            except UnicodeDecodeError:
                raise FrameFault(NOT_UTF8, "A text is not UTF-8.") from None
        if frame.final:
            self._kind = self._size = self._fragments = 0


def _length_in(spelled: bytes | bytearray) -> int:
    """A length in two or eight bytes."""
    length = int.from_bytes(spelled, "big")
    if length < (126 if len(spelled) == 2 else 1 << 16):
        raise FrameFault(PROTOCOL_ERROR, "The length of a frame is longer than it need be.")
    return length


def written(frame: Frame, *, masked: bool) -> bytes:
    """The bytes of a frame; masked with a new key if it comes from a client."""
    data, size = frame.data, len(frame.data)
    first = frame.kind | (0x80 if frame.final else 0)
    bit = 0x80 if masked else 0
    if size <= MAX_CONTROL:
        head = bytes((first, bit | size))
    elif size < 1 << 16:
        head = bytes((first, bit | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, bit | 127)) + size.to_bytes(8, "big")
    if not masked:
        return head + data
    key = os.urandom(4)
    return b"".join((head, key, _xored(data, key)))


def close_in(data: bytes) -> tuple[int, str]:
    """Code and reason of a close frame. Raises FrameFault."""
    if not data:
        return NO_CODE, ""
    code = int.from_bytes(data[:2], "big")
    if len(data) < 2 or code not in _CODES:
        raise FrameFault(PROTOCOL_ERROR, "A close has no code that may be sent.")
    try:
        return code, data[2:].decode()
    except UnicodeDecodeError:
        raise FrameFault(NOT_UTF8, "The reason of a close is not UTF-8.") from None


def may_close_with(code: int) -> bool:
    """Whether a close frame may have this code."""
    return code in _CODES


def a_close(code: int, reason: str = "") -> Frame:
    if code == NO_CODE:
        return Frame(CLOSE, b"")
    said = reason.encode()[: MAX_CONTROL - 2].decode("utf-8", "ignore")
    return Frame(CLOSE, code.to_bytes(2, "big") + said.encode())


def accepting(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept for the key of a handshake."""
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  what the protocol says


def a_key() -> bytes:
    return base64.b64encode(os.urandom(16))


def is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        return False


def _xored(data: bytes, key: bytes) -> bytes:
    size = len(data)
    mask = (key * (size // 4 + 1))[:size]
    both = int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")
    return both.to_bytes(size, "big")
