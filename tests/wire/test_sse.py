"""Cutting server-sent events out of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.wire.sse import Blocks, ParsedBlock, clean, parse_block
from stockyard.wire.width import MAX_THINGS

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from(
    [b"data: {}", b"data:x", b": hi", b"event: a", b"id: 1", b"retry: 5", b"what"]
)


def blocks_of(data: bytes, cuts: list[int]) -> list[bytes]:
    blocks, found, start = Blocks(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += blocks.feed(data[start:cut])
        start = max(start, cut)
    return [*found, blocks.rest()]


@given(st.lists(st.tuples(LINES, LINE_ENDS, LINE_ENDS), max_size=6), st.lists(st.integers(0, 80)))
def test_no_byte_is_lost_or_moved_however_a_stream_is_cut(
    lines: list[tuple[bytes, bytes, bytes]], cuts: list[int]
) -> None:
    data = b"".join(line + first + second for line, first, second in lines)
    assert b"".join(blocks_of(data, [c for c in cuts if c <= len(data)])) == data


@given(st.lists(LINES, min_size=1, max_size=6), LINE_ENDS, st.lists(st.integers(0, 80)))
def test_cutting_does_not_change_what_is_said(
    lines: list[bytes], end: bytes, cuts: list[int]
) -> None:
    data = b"".join(line + end + end for line in lines)
    pieces = blocks_of(data, [c for c in cuts if c <= len(data)])
    heard = [parse_block(piece) for piece in pieces if piece.strip()]
    assert [h.data for h in heard] == [parse_block(line + b"\n\n").data for line in lines]


@pytest.mark.parametrize(
    ("block", "name", "data", "plain"),
    [
        (b"data: x\n\n", b"", b"x", True),
        (b"event: a\ndata: x\n\n", b"a", b"x", True),
        (b"event: a\r\ndata: x\r\n\r\n", b"a", b"x", True),
        (b"data: x\nevent: a\n\n", b"a", b"x", False),
        (b"data:x\n\n", b"", b"x", False),
        (b"data:  x\n\n", b"", b" x", True),
        (b"data: x\ndata: y\n\n", b"", b"x\ny", False),
        (b"data: \n\n", b"", b"", True),
        (b"event: a\n\n", b"a", None, False),
        (b": hi\n\n", b"", None, True),
        (b"id: 1\ndata: x\n\n", b"", b"x", False),
        (b"error: x\n\n", b"error", b"x", False),
        (b"\xef\xbb\xbfdata: x\n\n", b"", b"x", False),
        (b"data: [DONE]\n\n", b"", b"[DONE]", True),
        (b"event: done\r\ndata: [DONE]\r\n\r\n", b"done", b"[DONE]", True),
        (b"data: [DONE] \t\n\n", b"", b"[DONE]", False),
        (b"event: done\ndata: [DONE]  \n\n", b"done", b"[DONE]", False),
        (b"data: {} \n\n", b"", b"{} ", True),
    ],
)
def test_blocks_are_understood_by_the_whole_grammar(
    block: bytes, name: bytes, data: bytes | None, plain: bool
) -> None:
    heard = parse_block(block)
    assert (heard.name, heard.data, heard.plain) == (name, data, plain)


def test_a_cleaned_block_says_the_same() -> None:
    heard = parse_block(b"id: 7\nevent: a\ndata:x\ndata:y\n\n")
    assert clean(heard, named=True) == b"event: a\ndata: x\ndata: y\n\n"
    assert clean(heard, named=False) == b"data: x\ndata: y\n\n"
    assert clean(parse_block(b"event: ping\n\n"), named=True) == b""


def test_an_event_beyond_the_limit_is_an_error_even_without_an_end() -> None:
    blocks = Blocks(limit=100)
    assert blocks.feed(b"data: " + b"x" * 90) == []
    with pytest.raises(UpstreamError):
        blocks.feed(b"x" * 10)


def test_an_event_of_very_many_lines_is_an_error() -> None:
    with pytest.raises(UpstreamError, match="too many lines"):
        parse_block(b"data: 1\n" * (MAX_THINGS + 1) + b"\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_of_data_are_joined_however_they_end(end: bytes) -> None:
    block = end.join([b"data: {", b": comment", b"data: 1", b"data: }", b"", b""])
    assert parse_block(block) == ParsedBlock(b"", b"{\n1\n}", plain=False)
    assert parse_block(b"data: {}" + end * 2) == ParsedBlock(b"", b"{}")
    assert parse_block(b": {}" + end * 2).data is None
