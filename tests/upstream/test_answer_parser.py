"""Answers read from bytes: what is refused, and that it never matters how reads were cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.upstream.answer import MAX_FIELDS, AnswerParser
from tests.upstream.loopback import CHUNKED, OK, cut
from tests.upstream.malformed import MALFORMED

HEAD_LIMIT = 64 * 1024


def read(data: bytes, *, every: int = 0, bodiless: bool = False) -> tuple[AnswerParser, bytes]:
    parser = AnswerParser()
    parser.begin(bodiless=bodiless, head_limit=HEAD_LIMIT)
    body = b""
    for piece in cut(data, every):
        parser.feed(piece)
        body += parser.take()
    return parser, body


@pytest.mark.parametrize("every", [0, 1, 5, 1000])
@pytest.mark.parametrize("name", MALFORMED)
def test_s42_an_answer_that_two_readers_could_read_differently_is_refused(
    name: str, every: int
) -> None:
    with pytest.raises(UpstreamError) as refusal:
        read(MALFORMED[name], every=every)
    assert refusal.value.kind == "bad_answer"


@pytest.mark.parametrize("start", [b"", OK, CHUNKED + b"5\r\nhel", OK + b"\r\nhello"])
def test_what_is_not_whole_is_not_complete(start: bytes) -> None:
    assert not read(start)[0].complete


def test_a_head_with_the_most_fields_allowed_is_read() -> None:
    head = OK + b"x: y\r\n" * (MAX_FIELDS - 1) + b"content-length: 0\r\n\r\n"
    assert len(read(head)[0].fields) == MAX_FIELDS
    with pytest.raises(UpstreamError):
        read(OK + b"x: y\r\n" * MAX_FIELDS + b"content-length: 0\r\n\r\n")


def test_a_head_of_the_largest_size_allowed_is_read() -> None:
    room = HEAD_LIMIT - len(OK + b"x: \r\ncontent-length: 0\r\n\r\n")
    for more in (0, 1):
        head = OK + b"x: " + b"a" * (room + more) + b"\r\ncontent-length: 0\r\n\r\n"
        if more:
            with pytest.raises(UpstreamError, match="too large"):
                read(head)
        else:
            assert read(head, every=999)[0].complete


def test_what_came_before_a_broken_chunk_is_there() -> None:
    parser = AnswerParser()
    parser.begin(bodiless=False, head_limit=HEAD_LIMIT)
    with pytest.raises(UpstreamError):
        parser.feed(CHUNKED + b"5\r\nhello\r\nzz\r\n")
    assert (parser.status, parser.take()) == (200, b"hello")


def test_many_small_chunks_are_no_offence() -> None:
    parser, body = read(CHUNKED + b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n", every=4096)
    assert parser.complete
    assert body == b"x" * 10_000


names = st.sampled_from([b"X-One", b"x_two", b"Date"])
values = st.binary(max_size=20).map(
    lambda b: bytes(c for c in b if c >= 0x20 and c != 0x7F).strip()
)
bodies = st.lists(st.binary(min_size=1, max_size=50), max_size=6)


@given(st.lists(st.tuples(names, values), max_size=5), bodies, st.booleans(), st.integers(1, 60))
def test_the_cuts_between_reads_make_no_difference(
    fields: list[tuple[bytes, bytes]], pieces: list[bytes], chunked: bool, every: int
) -> None:
    head = OK + b"".join(b"%b: %b\r\n" % field for field in fields)
    whole = b"".join(pieces)
    if chunked:
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        data = head + b"Transfer-Encoding: Chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    else:
        data = head + b"Content-Length: %d\r\n\r\n" % len(whole) + whole
    parser, body = read(data, every=every)
    assert (parser.status, body, parser.complete) == (200, whole, True)
    assert parser.fields[:-1] == [(name.lower(), value) for name, value in fields]
    assert read(data)[0].reusable


@given(st.binary(max_size=200), st.integers(0, 7))
def test_any_bytes_are_read_or_refused(data: bytes, every: int) -> None:
    for start in (b"", OK, CHUNKED):
        try:
            read(start + data, every=every)
        except UpstreamError as error:
            assert error.kind == "bad_answer"  # noqa: PT017 - either way is right
