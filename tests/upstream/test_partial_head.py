"""A head that comes in several reads: joined when its end has come, refused once it is invalid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.upstream.partial_head import PartialHead

HEAD = b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 2\r\n\r\n"


@given(st.lists(st.integers(1, len(HEAD) - 1), min_size=1, unique=True))
def test_a_head_is_the_same_however_it_was_cut(cuts: list[int]) -> None:
    places = sorted(cuts)
    first, *pieces = (
        HEAD[start:end] for start, end in zip([0, *places], [*places, len(HEAD)], strict=True)
    )
    partial = PartialHead(first, 1000)
    *early, last = [partial.add(piece) for piece in pieces]
    assert set(early) <= {None}
    assert last == HEAD


def test_bytes_that_follow_the_head_are_kept() -> None:
    partial = PartialHead(HEAD[:-1], 1000)
    assert partial.add(b"\nhi") == HEAD + b"hi"


@pytest.mark.parametrize(
    "data",
    [b"FTP", b"HTTP/2", b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 OK\r\na: \0", b"HTTP/1.1 200\rOK"],
)
def test_bytes_that_cannot_become_a_head_are_refused_at_once(data: bytes) -> None:
    with pytest.raises(UpstreamError, match="malformed"):
        PartialHead(data, 1000)


def test_a_head_without_an_end_is_refused_at_its_limit() -> None:
    partial = PartialHead(b"HTTP/1.1 200 OK\r\n", 100)
    assert partial.add(b"x" * 83) is None
    with pytest.raises(UpstreamError, match="too large"):
        partial.add(b"x")
