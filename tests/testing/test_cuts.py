"""However bytes are cut, joined they are what they were."""

from hypothesis import given
from hypothesis import strategies as st

from stockyard.testing import cut_at, cut_every, cut_randomly
from stockyard.testing.frames import frames_of

BYTES = st.binary(min_size=1, max_size=300)
LINES = [b"data: a", b"\n", b"\r", b"\r\n", b": c", b"\n\n"]
EVENTS = st.lists(st.sampled_from(LINES), max_size=40)


@given(BYTES, st.lists(st.integers(-400, 400)), st.integers(1, 50), st.integers())
def test_nothing_is_lost_and_no_piece_is_empty(
    data: bytes, offsets: list[int], size: int, seed: int
) -> None:
    for cut in (cut_at(*offsets), cut_every(size), cut_randomly(seed)):
        pieces = cut(data)
        assert b"".join(pieces) == data
        assert all(pieces)


@given(BYTES, st.integers(1, 50))
def test_equal_pieces_are_equal_but_for_the_last(data: bytes, size: int) -> None:
    *pieces, last = cut_every(size)(data)
    assert all(len(piece) == size for piece in pieces)
    assert len(last) <= size


@given(EVENTS.map(b"".join))
def test_events_joined_are_the_stream(stream: bytes) -> None:
    assert b"".join(frame.data for frame in frames_of(stream)) == stream


def test_random_cuts_are_the_same_for_the_same_seed() -> None:
    data = bytes(range(200))
    assert cut_randomly(1)(data) == cut_randomly(1)(data)
    assert cut_randomly(1)(data) != cut_randomly(2)(data)
