"""Answers read from bytes: what is refused, and that it never matters how reads were cut."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stockyard.errors import UpstreamError
from stockyard.upstream.answer import MAX_FIELDS, AnswerParser
from tests.upstream.loopback import CHUNKED, HELLO, OK, cut
from tests.upstream.malformed import MALFORMED

HEAD_LIMIT = 64 * 1024


def read(data: bytes, *, every: int = 0, bodiless: bool = False) -> tuple[AnswerParser, bytes]:
    parser = AnswerParser()
    parser.begin(bodiless=bodiless, head_limit=HEAD_LIMIT)
    body = b""
    for piece in cut(data, every):
        body += parser.feed(piece)
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
def test_an_answer_that_is_cut_short_is_not_complete(start: bytes) -> None:
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


@pytest.mark.parametrize("every", [0, 999])
def test_a_head_that_does_not_end_is_refused_once_it_is_too_large(every: int) -> None:
    start = OK + b"x: "
    endless = start + b"a" * (HEAD_LIMIT - len(start))
    read(endless, every=every)
    with pytest.raises(UpstreamError, match="too large"):
        read(endless + b"a", every=every)


def test_bytes_before_a_broken_chunk_are_kept() -> None:
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


statuses = st.sampled_from([b"200 OK", b"204 No Content", b"304", b"404 Not Found", b"500 "])
kept = [
    b"Date: Sat, 21 Nov 2026 11:00:00 GMT\r\n",
    b"set-cookie: a\r\nset-cookie: b\r\n",
    b"Connection: keep-alive\r\n",
    b"upgrade: h2c\r\n",
    b"Content-Encoding: gzip\r\n",
]
others = st.sampled_from([*kept, b"Connection: close\r\n", b"proxy-connection: close\r\n"])
few = st.sampled_from([b"x", b"0", b"1", b" ", b"\r", b"\n", b"\r\n", b"\0", b":", b","])


@st.composite
def counted(draw: st.DrawFn) -> bytes:
    """An answer with its length, that leaves its connection usable."""
    fields = b"".join(draw(st.lists(st.sampled_from(kept), max_size=2)))
    body = draw(st.binary(max_size=12))
    return OK + fields + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer of any kind."""
    fields = b"".join(draw(st.lists(others, max_size=2)))
    framed = draw(
        st.sampled_from(
            [
                b"content-length:5 \r\n\r\nhello",
                b"content-length: 0\r\n\r\n",
                b"transfer-encoding: chunked\r\n\r\n4\r\nwhat\r\n0\r\n\r\n",
                b"\r\n",
            ]
        )
    )
    return b"HTTP/1.1 " + draw(statuses) + b"\r\n" + fields + framed


@st.composite
def nearly(draw: st.DrawFn, answer: bytes) -> bytes:
    """The same answer, or one that differs in little."""
    at = draw(st.integers(0, len(answer)))
    new = draw(few)
    end = answer.find(b"\r\n\r\n") + 4
    return draw(
        st.sampled_from(
            [
                answer,
                answer[:end] + b"y" * (len(answer) - end),
                answer[:at] + new + answer[at + len(new) :],
                answer[:at] + new + answer[at:],
                answer[:at],
                answer + new,
                answer + answer,
                b"HTTP/1.1 100 Continue\r\n\r\n" + answer,
            ]
        )
    )


def verdict(parser: AnswerParser, data: bytes, *, bodiless: bool, head_limit: int) -> object:
    parser.begin(bodiless=bodiless, head_limit=head_limit)
    refusal = ""
    try:
        body = parser.feed(data)
    except UpstreamError as error:
        refusal, body = error.message, parser.take()
    known = (parser.status, parser.fields, parser.encoded) if parser.head_known else None
    ends = (parser.complete, parser.reusable, parser.until_end, parser.left_over)
    return refusal, known, body, ends


@settings(max_examples=300)
@given(st.data(), counted() | answers(), st.sampled_from([HEAD_LIMIT, HEAD_LIMIT, 60]))
def test_an_answer_is_read_the_same_whatever_the_connection_carried_before(
    data: st.DataObject, first: bytes, head_limit: int
) -> None:
    bodiless = data.draw(st.sampled_from([False, False, True]))
    between = data.draw(st.none() | answers())
    last = data.draw(nearly(first))
    used = AnswerParser()
    for answer in (first, between, first):
        if answer is not None:
            verdict(used, answer, bodiless=False, head_limit=HEAD_LIMIT)
            assume(used.reusable)
    expected = verdict(AnswerParser(), last, bodiless=bodiless, head_limit=head_limit)
    assert verdict(used, last, bodiless=bodiless, head_limit=head_limit) == expected
    if between is not None and not bodiless and used.reusable:
        expected = verdict(AnswerParser(), between, bodiless=False, head_limit=HEAD_LIMIT)
        assert verdict(used, between, bodiless=False, head_limit=HEAD_LIMIT) == expected


def test_a_head_is_still_known_after_an_answer_of_another_kind() -> None:
    parser = AnswerParser()
    zipped = OK + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    for answer in (HELLO, zipped, HELLO):
        parser.begin(bodiless=False, head_limit=HEAD_LIMIT)
        parser.feed(answer)
        assert (parser.reusable, parser.encoded) == (True, answer is zipped)


def test_changing_the_fields_of_an_answer_does_not_change_the_next() -> None:
    parser = AnswerParser()
    for _ in range(3):
        parser.begin(bodiless=False, head_limit=HEAD_LIMIT)
        assert parser.feed(HELLO) == b"hello"
        assert parser.fields == [(b"content-length", b"5")]
        parser.fields.clear()


def test_bytes_after_an_answer_spoil_its_connection() -> None:
    parser = AnswerParser()
    for _ in range(2):
        parser.begin(bodiless=False, head_limit=HEAD_LIMIT)
        parser.feed(HELLO)
        assert parser.reusable
    parser.feed(b"x")
    assert not parser.reusable


def test_a_body_after_an_answer_to_head_is_left_over_however_it_is_framed() -> None:
    for framing in (b"content-length: 4096", b"transfer-encoding: chunked"):
        parser, body = read(OK + framing + b"\r\n\r\n" + b"x" * 4096, bodiless=True)
        assert (parser.complete, parser.left_over, body) == (True, True, b"")
        assert not parser.reusable


@given(st.binary(max_size=200), st.integers(0, 7))
def test_any_bytes_are_read_or_refused(data: bytes, every: int) -> None:
    for start in (b"", OK, CHUNKED):
        try:
            read(start + data, every=every)
        except UpstreamError as error:
            assert error.kind == "bad_answer"  # noqa: PT017 - either way is right
