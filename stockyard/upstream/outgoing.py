"""An outgoing call: its bytes, its deadlines, and the Receiver of its answer."""

import re
from collections.abc import Iterable
from typing import Protocol

import msgspec

from stockyard.errors import UpstreamError
from stockyard.upstream.origin import Origin

MIB = 1024 * 1024

_METHOD = re.compile(rb"[A-Z]{3,16}")
_TARGET = re.compile(rb"[\x21-\x7e]++")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_OURS = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """Deadlines of one call (`reliability.md` 5.2), except those about content (`silence.py`)."""

    dns_seconds: float = 5.0
    connect_seconds: float = 5.0
    """For each address."""
    tls_seconds: float = 5.0
    pool_seconds: float = 2.0
    write_seconds: float = 30.0
    """How long the provider may accept no byte of the request."""
    first_byte_seconds: float = 120.0
    """From the last byte of the request to the end of the answer's head."""
    idle_seconds: float = 120.0
    total_seconds: float = 1800.0


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    origin: Origin
    head: bytes
    """Made by `request_head`."""
    body: bytes = b""
    timers: Timers = Timers()
    head_limit: int = 64 * 1024
    body_limit: int = 256 * MIB
    """Bytes of the answer's body, after decompression."""
    resend: bool = False
    """Send again if an idle connection from the pool breaks before any byte of an answer."""
    decompress: bool = False

    def __repr__(self) -> str:
        return f"Outgoing({self.origin.url.host}, {len(self.body)} bytes)"  # the head has secrets


class Receiver(Protocol):
    """Gets the answer: `head`, `data` as it comes, then exactly one of `done` and `failed`.

    Nothing is called after `cancel()`. The methods are called by the event loop, one at a time, and
    must not raise.
    """

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None: ...

    def data(self, piece: bytes) -> None: ...

    def done(self) -> None: ...

    def failed(self, error: UpstreamError) -> None: ...


def request_head(
    method: bytes,
    target: bytes,
    host: bytes,
    fields: Iterable[tuple[bytes, bytes]],
    length: int | None,
) -> bytes:
    """The head of a request. `length` None means that there is no body.

    Raises ValueError if a part contains a line break, or a field sets what is decided here: Host,
    framing and the connection.
    """
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ValueError("The method or the target of a request has characters it must not have.")
    lines = [b"%b %b HTTP/1.1" % (method, target), b"host: " + _checked(host)]
    for name, value in fields:
        if not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise ValueError("A header field has a name that it must not have.")
        lines.append(b"%b: %b" % (name, _checked(value)))
    if length is not None:
        if length < 0:
            raise ValueError("A body cannot have a negative length.")
        lines.append(b"content-length: %d" % length)
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


def _checked(value: bytes) -> bytes:
    if not _VALUE.fullmatch(value):
        raise ValueError("A header field has a value that it must not have.")
    return value
