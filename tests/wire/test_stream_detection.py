"""A stream is told by how it begins, where its head calls it something else."""

import pytest

from stockyard.wire import eventstream
from stockyard.wire.stream_detection import MOST_BYTES, begins_stream

EVENTS = b"text/event-stream; charset=utf-8"
FRAMES = eventstream.STREAM_TYPE
JSON = b"application/json"
FRAME = eventstream.event("messageStart", b'{"role":"assistant"}')


@pytest.mark.parametrize(
    ("begun", "expected"),
    [
        (b'data: {"a":1}', True),
        (b"event: message_start\n", True),
        (b": comment\n\n\r\ndata:", True),
        (b"\n\nid: 1\n", True),
        (b"", None),
        (b"\n", None),
        (b"dat", None),
        (b": a comment that is not over", None),
        (b": comment\nev", None),
        (b'{"choices":[]}', False),
        (b"date", False),
        (b"<html>", False),
        (b":" * (MOST_BYTES + 1), False),
    ],
)
def test_events_are_known_by_their_first_field(begun: bytes, expected: bool | None) -> None:
    assert begins_stream(EVENTS, JSON, begun) is expected


def test_pages_are_no_streams() -> None:
    assert begins_stream(EVENTS, b"text/html; charset=utf-8", b"data: 1\n\n") is False


def test_frames_are_known_by_their_first_checksum() -> None:
    assert begins_stream(FRAMES, JSON, FRAME[:11]) is None
    assert begins_stream(FRAMES, JSON, FRAME) is True
    assert begins_stream(FRAMES, JSON, b"\x00" + FRAME) is False
    assert begins_stream(FRAMES, JSON, b'{"message": "no"}') is False


@pytest.mark.parametrize(
    ("begun", "expected"),
    [
        (b'{"done":false}\n{"do', True),
        (b'\n{"done":false}\r\n\r\n{', True),
        (b"", None),
        (b'{"done":false', None),
        (b'{"done":false}\n', None),
        (b'{"done":true}\n\n', None),
        (b'{\n  "done": true,\n  "message": {', False),
        (b'{\n{"done"', False),
        (b'{"a":1}\nb', False),
        (b"[1]\n{}", False),
        (b"data: 1\n\n", False),
        (b"{" * (MOST_BYTES + 1), False),
    ],
)
def test_lines_are_known_by_the_second(begun: bytes, expected: bool | None) -> None:
    """A line of JSON and a whole answer begin alike; ollama.com calls its lines JSON."""
    assert begins_stream(b"application/x-ndjson", JSON, begun) is expected
