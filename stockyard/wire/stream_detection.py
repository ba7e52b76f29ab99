"""Recognise a stream by its first bytes when the content type says something else.

Some servers label their streams as JSON or plain text, and clients read the stream all the same. An
HTML page is never taken for one.
"""

import re
from zlib import crc32

import msgspec

from stockyard.wire.eventstream import STREAM_TYPE

MOST_BYTES = 4096
"""After this many undecided bytes it is not a stream."""

_PAGES = b"text/html"
_EVENTS = b"text/event-stream"
_LINES = b"application/x-ndjson"
_BEFORE = re.compile(rb"(?:[ \t\r\n]|:[^\r\n]*[\r\n])*")
"""Blank lines and comments that may precede the first event."""
_NAMES = (b"data:", b"event:", b"id:", b"retry:")
_LENGTHS = 8
_PRELUDE = 12
"""Bytes of a frame's two lengths, and of those with their checksum."""


def begins_stream(wanted: bytes, labelled: bytes, begun: bytes) -> bool | None:
    """Whether an answer with these first bytes is a stream of the wanted type; None while
    undecided."""
    if is_page(labelled) or len(begun) > MOST_BYTES:
        return False
    if wanted.startswith(_EVENTS):
        return _begins_events(begun)
    if wanted.startswith(STREAM_TYPE):
        return _begins_frames(begun)
    return _begins_lines(begun.lstrip()) if wanted.startswith(_LINES) else False


def is_page(labelled: bytes) -> bool:
    return labelled.startswith(_PAGES)


def _begins_events(begun: bytes) -> bool | None:
    before = _BEFORE.match(begun)
    rest = begun[before.end() :] if before is not None else begun
    if rest.startswith(_NAMES):
        return True
    unfinished = rest.startswith(b":") or any(name.startswith(rest) for name in _NAMES)
    return None if unfinished else False


def _begins_frames(begun: bytes) -> bool | None:
    if len(begun) < _PRELUDE:
        return None
    return crc32(begun[:_LENGTHS]) == int.from_bytes(begun[_LENGTHS:_PRELUDE], "big")


def _begins_lines(begun: bytes) -> bool | None:
    """Whether a second object follows on a line of its own: a whole answer is one alone."""
    first, ended, after = begun.partition(b"\n")
    if not first.startswith(b"{"):
        return None if not begun else False
    if not ended:
        return None
    after = after.lstrip()
    return after.startswith(b"{") and _is_json(first) if after else None


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return False
    return True
