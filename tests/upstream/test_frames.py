"""Frames of WebSockets, read and written; a library that is not ours is the judge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as Theirs
from websockets.frames import Opcode
from websockets.streams import StreamReader
from websockets.utils import accept_key

from stockyard.upstream.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_FRAGMENTS,
    NO_CODE,
    PING,
    TEXT,
    Frame,
    FrameFault,
    FrameReader,
    a_close,
    a_key,
    accepting,
    close_in,
    is_key,
    written,
)

SIZES = st.sampled_from([0, 1, 3, 125, 126, 127, 65_535, 65_536, 70_000])


def read_by_them(data: bytes, *, masked: bool) -> Frame:
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Theirs.parse(reader.read_exact, mask=masked)
    with pytest.raises(StopIteration) as stopped:
        next(parsing)
    theirs = stopped.value.value
    return Frame(int(theirs.opcode), bytes(theirs.data), theirs.fin)


def in_pieces(reader: FrameReader, data: bytes, size: int) -> list[Frame]:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return [frame for piece in pieces for frame in reader.feed(piece)]


@given(size=SIZES, kind=st.sampled_from([TEXT, BINARY]), masked=st.booleans(), final=st.booleans())
def test_frames_that_we_write_are_read_by_another_library(
    size: int, kind: int, masked: bool, final: bool
) -> None:
    frame = Frame(kind, b"a" * size, final)
    assert read_by_them(written(frame, masked=masked), masked=masked) == frame


@given(size=SIZES, masked=st.booleans(), cut=st.integers(1, 5000))
def test_frames_of_another_library_are_read_however_they_are_cut(
    size: int, masked: bool, cut: int
) -> None:
    data = bytes(n % 251 for n in range(size))
    sent = Theirs(Opcode.BINARY, data).serialize(mask=masked)
    sent += Theirs(Opcode.PING, b"p").serialize(mask=masked)
    frames = in_pieces(FrameReader(masked=masked), sent, cut)
    assert frames == [Frame(BINARY, data), Frame(PING, b"p")]


@given(st.binary(max_size=200))
def test_anything_comes_to_frames_or_to_a_fault(data: bytes) -> None:
    whole, cut = FrameReader(masked=False), FrameReader(masked=False)
    outcomes = []
    for reader, size in ((whole, max(1, len(data))), (cut, 1)):
        try:
            outcomes.append((in_pieces(reader, data, size), 0))
        except FrameFault as fault:
            outcomes.append(([], fault.code))
    assert outcomes[0] == outcomes[1]


def test_frames_before_a_fault_are_read() -> None:
    reader = FrameReader(masked=False)
    frames = reader.feed(b"\x81\x02hi\xff\x00")
    assert next(frames) == Frame(TEXT, b"hi")
    with pytest.raises(FrameFault):
        next(frames)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\xf1\x00", 1002),  # reserved bits
        (b"\x83\x00", 1002),  # an unknown kind
        (b"\x81\x80\x00\x00\x00\x00", 1002),  # masked where it must not be
        (b"\x09\x00", 1002),  # a control frame in pieces
        (b"\x89\x7e\x00\x7e", 1002),  # a long control frame
        (b"\x81\x7e\x00\x7d", 1002),  # a length in more bytes than it needs
        (b"\x81\x7f" + (65_535).to_bytes(8, "big"), 1002),
        (b"\x80\x00", 1002),  # nothing to continue
        (b"\x01\x00\x81\x00", 1002),  # a message in a message
        (b"\x81\x01\xff", 1007),
        (b"\x01\x01\xc3\x80\x01\x28", 1007),  # a character that does not go on
        (b"\x81\x01\xc3", 1007),  # half a character at the end
        (b"\x88\x01\x03", 1002),  # half a code
        (b"\x88\x02\x03\xed", 1002),  # a code that is never sent
        (b"\x88\x03\x03\xe8\xff", 1007),
        (b"\x82\x0b", 1009),
        (b"\x02\x06aaaaaa\x80\x05", 1009),  # too large in sum
    ],
)
def test_frames_that_others_could_read_differently_are_refused(sent: bytes, code: int) -> None:
    with pytest.raises(FrameFault) as raised:
        in_pieces(FrameReader(masked=False, max_message=10), sent, 1)
    assert raised.value.code == code


@pytest.mark.parametrize("piece", [b"\x00\x00", b"\x00\x01a"], ids=["empty", "of one byte"])
def test_a_message_may_not_come_in_pieces_without_end(piece: bytes) -> None:
    reader = FrameReader(masked=False)
    most = [*reader.feed(b"\x01\x00" + piece * (MAX_FRAGMENTS - 1))]
    assert len(most) == MAX_FRAGMENTS
    with pytest.raises(FrameFault) as raised:
        [*reader.feed(piece)]
    assert raised.value.code == 1009


def test_messages_in_pieces_may_follow_each_other_without_end() -> None:
    reader = FrameReader(masked=False)
    sent = (b"\x02\x00" + b"\x00\x00" * (MAX_FRAGMENTS - 2) + b"\x80\x00") * 2
    assert len([*reader.feed(sent)]) == 2 * MAX_FRAGMENTS


def test_a_character_may_be_cut_between_frames() -> None:
    sent = b"\x01\x01\xc3\x80\x01\xa9"
    frames = in_pieces(FrameReader(masked=False), sent, 2)
    assert frames == [Frame(TEXT, b"\xc3", False), Frame(CONTINUATION, b"\xa9")]


def test_the_next_message_may_be_as_large_again() -> None:
    sent = b"\x82\x0a" + b"a" * 10
    assert len(in_pieces(FrameReader(masked=False, max_message=10), sent * 3, 7)) == 3


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4401, "Go."), (1001, "é" * 100)])
def test_closes_say_code_and_reason(code: int, reason: str) -> None:
    frame = a_close(code, reason)
    assert frame.kind == CLOSE
    assert len(frame.data) <= 125
    said = close_in(frame.data)
    assert said[0] == code
    assert reason.startswith(said[1])
    assert close_in(a_close(NO_CODE).data) == (NO_CODE, "")


def test_the_key_of_a_handshake_is_answered_as_another_library_answers_it() -> None:
    key = a_key()
    assert is_key(key)
    assert accepting(key).decode() == accept_key(key.decode())
    for odd in (b"", b"short", b"not base64!", b"YQ=="):
        assert not is_key(odd)
