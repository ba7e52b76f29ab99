"""Cutting lines of JSON out of bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.events import Finished, TextDelta
from stockyard.errors import UpstreamError
from stockyard.wire.formats import FORMATS
from stockyard.wire.ndjson import Lines

ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
DOCUMENTS = st.sampled_from([b'{"a":1}', b"{}", b"", b'"\xe2\x80\xa8"', b"[1, 2]"])
CUTS = st.lists(st.integers(0, 60))


def fed(data: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    lines, found, start = Lines(), [], 0
    for cut in [*sorted(c for c in cuts if c <= len(data)), len(data)]:
        found += lines.feed(data[start:cut])
        start = cut
    return found, lines.rest()


@given(st.lists(st.tuples(DOCUMENTS, ENDS), max_size=6), DOCUMENTS, CUTS)
def test_no_byte_is_lost_or_moved_however_a_stream_is_cut(
    lines: list[tuple[bytes, bytes]], rest: bytes, cuts: list[int]
) -> None:
    data = b"".join(document + end for document, end in lines) + rest
    found, left = fed(data, cuts)
    assert b"".join(found) + left == data
    assert left == rest


@given(st.lists(DOCUMENTS, max_size=6), ENDS, CUTS)
def test_cutting_does_not_change_the_lines(
    documents: list[bytes], end: bytes, cuts: list[int]
) -> None:
    found, _ = fed(b"".join(document + end for document in documents), cuts)
    assert [line.strip() for line in found if line.strip()] == [d for d in documents if d]


def test_a_line_is_there_with_its_first_byte_of_an_end() -> None:
    lines = Lines()
    assert lines.feed(b"{}\r") == [b"{}\r"]
    assert lines.feed(b"\n{}") == [b"\n"]
    assert lines.feed(b"\n") == [b"{}\n"]


@pytest.mark.parametrize("size", [1, 7])
def test_a_line_without_an_end_is_not_collected_for_ever(size: int) -> None:
    lines = Lines(limit=7 * size)
    for _ in range(7):
        lines.feed(b"x" * size)
    with pytest.raises(UpstreamError) as raised:
        lines.feed(b"x" * size)
    assert raised.value.code == "limit_exceeded"


LINE = b'{"model":"m","message":{"role":"assistant","content":"hi"},"done":false}\n'
LAST = b'{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}'


def test_s10_blank_lines_are_skipped_and_never_go_out() -> None:
    """One library takes a blank line for an answer that it cannot read (`streaming.md` 1)."""
    codec, stream = FORMATS["ollama.chat"], b"\n" + LINE + b"\r\n\n" + LAST + b"\n\n"
    reader = codec.reader(traits=frozenset())
    read = [*reader.feed(stream), *reader.end()]
    assert [e.text for e in read if isinstance(e, TextDelta)] == ["hi"]
    look = codec.look(traits=frozenset(), keep_usage=True, native=False)
    out = look.feed(stream) + look.end() + look.terminator
    assert out.strip() == LINE + LAST
    assert b"\n\n" not in out.rstrip()


def test_s10_a_last_line_needs_no_end() -> None:
    codec = FORMATS["ollama.chat"]
    reader = codec.reader(traits=frozenset())
    read = [*reader.feed(LINE + LAST), *reader.end()]
    assert any(isinstance(event, Finished) for event in read)
    look = codec.look(traits=frozenset(), keep_usage=True, native=False)
    out = look.feed(LINE + LAST) + look.end() + look.terminator
    assert (out.strip(), look.complete) == (LINE + LAST, True)


def test_s10_an_error_is_a_line() -> None:
    codec, error = FORMATS["ollama.chat"], b'{"error":"model is gone"}\n'
    for feed in (
        codec.reader(traits=frozenset()).feed,
        codec.look(traits=frozenset(), keep_usage=True, native=False).feed,
    ):
        feed(LINE)
        with pytest.raises(UpstreamError):
            feed(error)
