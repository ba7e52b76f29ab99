"""Frames of AWS event streams, whole and in pieces, good and bad."""

import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.wire import eventstream
from stockyard.wire.eventstream import MAX_HEADERS, Frame, Frames

NAMES = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=20)
TEXTS = st.text(max_size=60)
FRAMES = st.builds(
    lambda headers, payload: eventstream.frame(headers.items(), payload),
    st.dictionaries(NAMES, TEXTS, max_size=4),
    st.binary(max_size=200),
)
ONE = eventstream.event("contentBlockDelta", b'{"delta":{"text":"hi"}}')


def read(stream: bytes, size: int) -> list[Frame]:
    frames = Frames()
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    found = [frame for piece in pieces for frame in frames.feed(piece)]
    assert frames.rest() == b""
    return found


def raw_frame(headers: bytes, payload: bytes = b"{}") -> bytes:
    lengths = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    start = lengths + struct.pack("!I", crc32(lengths)) + headers + payload
    return start + struct.pack("!I", crc32(start))


@given(st.dictionaries(NAMES, TEXTS, max_size=4), st.binary(max_size=200))
def test_what_is_written_is_read_back(headers: dict[str, str], payload: bytes) -> None:
    written = eventstream.frame(headers.items(), payload)
    (frame,) = Frames().feed(written)
    assert (frame.raw, dict(frame.headers), frame.payload) == (written, headers, payload)


@given(st.lists(FRAMES, max_size=6), st.integers(1, 50))
def test_cuts_do_not_matter(frames: list[bytes], size: int) -> None:
    stream = b"".join(frames)
    assert [frame.raw for frame in read(stream, size)] == frames
    assert read(stream, 1) == read(stream, max(len(stream), 1))


@given(st.integers(0, len(ONE) * 8 - 1))
def test_s08_one_flipped_bit_is_never_believed(bit: int) -> None:
    spoiled = bytearray(ONE)
    spoiled[bit // 8] ^= 1 << bit % 8
    frames = Frames()
    with pytest.raises(UpstreamError) as raised:
        list(frames.feed(bytes(spoiled)))
    assert raised.value.kind == "bad_answer"


@given(st.binary(max_size=300))
def test_bytes_that_are_no_frames_are_refused_or_awaited(noise: bytes) -> None:
    frames = Frames()
    refused = None
    found: list[Frame] = []
    try:
        found.extend(frames.feed(noise))
    except UpstreamError as error:
        refused = error.kind
    whole = b"".join(frame.raw for frame in found) + frames.rest() == noise
    assert refused == "bad_answer" or whole


def test_frames_before_a_broken_one_are_read() -> None:
    found: list[Frame] = []
    with pytest.raises(UpstreamError):
        found.extend(Frames().feed(ONE + ONE + ONE[:-1] + b"\x00"))
    assert [frame.raw for frame in found] == [ONE, ONE]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (0, b""),
        (1, b""),
        (2, b"\x07"),
        (3, b"\x00\x07"),
        (4, bytes(4)),
        (5, bytes(8)),
        (6, b"\x00\x03abc"),
        (8, bytes(8)),
        (9, bytes(16)),
    ],
)
def test_headers_of_other_types_are_passed_over(kind: int, value: bytes) -> None:
    name = b"\x0b:event-type\x07\x00\x01x"
    frames = Frames().feed(raw_frame(b"\x01a" + bytes([kind]) + value + name))
    assert [frame.event for frame in frames] == ["x"]


@pytest.mark.parametrize(
    "headers",
    [b"\x01a\x0a", b"\x01", b"\x05ab", b"\x01a\x07\x00\x09short", b"\x01a\x07", b"\x01a\x09abc"],
    ids=["unknown type", "no name", "short name", "short text", "no length", "short value"],
)
def test_headers_that_do_not_add_up_are_refused(headers: bytes) -> None:
    with pytest.raises(UpstreamError) as raised:
        list(Frames().feed(raw_frame(headers)))
    assert raised.value.code == "broken_frame"


def test_a_frame_has_a_largest_size_and_is_refused_before_it_comes() -> None:
    frames = Frames(limit=1024)
    assert len(list(frames.feed(eventstream.frame((), bytes(1008))))) == 1
    with pytest.raises(UpstreamError, match="more than 1024 bytes"):
        list(frames.feed(eventstream.frame((), bytes(1009))[:12]))


def test_an_exception_is_no_event() -> None:
    (frame,) = Frames().feed(eventstream.exception("throttlingException", b"{}"))
    assert (frame.is_event, frame.event) == (False, "")
    assert frame.headers[":exception-type"] == "throttlingException"


def test_a_frame_of_nothing_but_headers_is_refused_before_they_are_read() -> None:
    block = b"\0\0" * (MAX_HEADERS // 2 + 1)
    lengths = struct.pack("!II", 16 + len(block), len(block))
    start = lengths + struct.pack("!I", crc32(lengths)) + block
    with pytest.raises(UpstreamError, match="impossible lengths"):
        list(Frames().feed(start + struct.pack("!I", crc32(start))))
