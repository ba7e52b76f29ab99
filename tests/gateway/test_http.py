"""Heads and bodies without sockets: what is read out of them, and that cutting changes nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.gateway.bodies import ChunkedBody
from stockyard.gateway.http import Head, HttpError, field_lines, read_head
from stockyard.gateway.limits import HttpLimits

LIMITS = HttpLimits()
SDK = (
    b"POST /v1/chat/completions?a=b%20c HTTP/1.1\r\nHost: 127.0.0.1:4200\r\n"
    b"Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nX-Stainless-OS: \t Linux \r\n"
    b"Authorization: Bearer sk-1\r\nContent-Length: 87\r\n\r\n"
)


def read(*fields: str, line: str = "POST /x HTTP/1.1", host: str = "Host: a") -> Head:
    lines = [line, *([host] if host else []), *fields]
    return read_head(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), LIMITS)


def test_a_head_is_read_without_being_changed() -> None:
    head = read_head(SDK, LIMITS)
    assert head.raw == SDK
    assert (head.method, head.path, head.query) == ("POST", "/v1/chat/completions", "a=b%20c")
    assert head.target == "/v1/chat/completions?a=b%20c"
    assert (head.http11, head.keep_alive, head.length, head.chunked) == (True, True, 87, False)
    assert head.field(b"authorization") == b"Bearer sk-1"
    assert head.field(b"x-stainless-os") == b"Linux"
    assert head.field(b"stainless-os") is None
    assert head.fields()[:2] == [
        (b"host", b"127.0.0.1:4200"),
        (b"accept-encoding", b"gzip, deflate"),
    ]


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        (("Connection: close",), {"keep_alive": False}),
        (("Connection: x, Close",), {"keep_alive": False}),
        (("Connection: closed",), {"keep_alive": True}),
        (("Connection: a", "Connection: close"), {"keep_alive": False}),
        (("Expect: 100-Continue", "Content-Length: 1"), {"expects_continue": True}),
        (("Upgrade: websocket",), {"upgrade": True, "keep_alive": False}),
        (("Transfer-Encoding: CHUNKED",), {"chunked": True, "length": 0}),
        (("content-LENGTH:  12\t",), {"length": 12}),
        (("X_Y: 1",), {"dropped": 1}),
    ],
)
def test_fields_that_matter_are_understood(
    fields: tuple[str, ...], seen: dict[str, object]
) -> None:
    head = read(*fields)
    assert {name: getattr(head, name) for name in seen} == seen


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        ("GET / HTTP/1.1", "/", ""),
        ("GET //a/../b/ HTTP/1.1", "//a/../b/", ""),
        ("GET /a%2Fb%00 HTTP/1.1", "/a%2Fb%00", ""),
        (
            "GET /v1/models/x:generate?alt=sse&k=[1] HTTP/1.1",
            "/v1/models/x:generate",
            "alt=sse&k=[1]",
        ),
        ("GET /a? HTTP/1.1", "/a", ""),
        ("GET http://a/b?c HTTP/1.1", "/b", "c"),
        ("GET HTTP://A HTTP/1.1", "/", ""),
        ("GET http://a?c HTTP/1.1", "/", "c"),
        ("OPTIONS * HTTP/1.1", "*", ""),
    ],
)
def test_paths_are_never_normalised(line: str, path: str, query: str) -> None:
    head = read(line=line)
    assert (head.path, head.query) == (path, query)


@pytest.mark.parametrize(
    ("rule", "line", "fields"),
    [
        ("HS02", "POST /x HTTP/1.1\nX-A: 1", ()),
        ("HS02", "POST /x\rHTTP/1.1", ()),
        ("HS02", "POST /x HTTP/1.1", ("X-A: 1\nX-B: 2",)),
        ("HS04", "POST /x HTTP/1", ()),
        ("HS06", "BREW /x HTTP/1.1", ()),
        ("HS07", "GET ftp://a/x HTTP/1.1", ()),
        ("HS07", "GET //x HTTP/1.1 ".strip().replace("//x", "http://a:1/x"), ()),
        ("HS08", "GET /x;y HTTP/1.1", ()),
        ("HS08", "GET /x?%zz HTTP/1.1", ()),
        ("HS08", "GET /x?a#b HTTP/1.1", ()),
        ("HS10", "POST /x HTTP/1.1", ("a(b): 1",)),
        ("HS11", "POST /x HTTP/1.1", ("Authorization: \xe9",)),
        ("HS13", "POST /x HTTP/1.1", ("X_Forwarded_For: 1",)),
        ("HS13", "POST /x HTTP/1.1", ("x-api_key: 1",)),
        ("HS14", "POST /x HTTP/1.1", ("Host: b",)),
        ("HS16", "POST /x HTTP/1.0", ("Transfer-Encoding: chunked",)),
        ("HS17", "HEAD /x HTTP/1.1", ("Content-Length: 1",)),
        ("HS19", "POST /x HTTP/1.1", ("Expect: 100-continue, x",)),
    ],
)
def test_a_refusal_names_its_rule(rule: str, line: str, fields: tuple[str, ...]) -> None:
    with pytest.raises(HttpError) as refused:
        read(*fields, line=line)
    assert refused.value.rule == rule


def test_odd_but_lawful_heads_are_read_and_their_oddities_not_passed_on() -> None:
    head = read("X-Name: \xe9", "x_y: 1", "X-Long: " + "a" * 8000, "Accept: a")
    assert head.field(b"x-name") == b"\xe9"
    assert [name for name, _ in head.fields()] == [b"host", b"x-long", b"accept"]


@pytest.mark.parametrize("odd", ["X-A: 1", "X-A: \xe9"])
def test_a_hundred_fields_are_accepted(odd: str) -> None:
    assert read(odd, *["X-A: 1"] * 98).raw.count(b":") == 100
    with pytest.raises(HttpError) as refused:
        read(odd, *["X-A: 1"] * 99)
    assert (refused.value.status, refused.value.rule) == (431, "HS01")


@pytest.mark.parametrize("odd", ["", "\xe9"])
@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (HttpLimits(max_head_bytes=100), 431),
        (HttpLimits(max_head_bytes=100, max_line_bytes=90), 431),
        (HttpLimits(max_line_bytes=71), 431),
    ],
)
def test_a_head_may_be_as_long_as_its_limits_and_no_longer(
    odd: str, limits: HttpLimits, status: int
) -> None:
    def raw(length: int) -> bytes:
        start = f"GET / HTTP/1.1\r\nHost: a\r\nX: {odd}".encode("latin-1")
        return start.ljust(length - 4, b"x") + b"\r\n\r\n"

    assert read_head(raw(100), limits).path == "/"
    with pytest.raises(HttpError) as refused:
        read_head(raw(101), limits)
    assert (refused.value.status, refused.value.rule) == (status, "HS01")


def test_a_request_line_may_be_as_long_as_a_line() -> None:
    limits = HttpLimits(max_line_bytes=len("GET /x HTTP/1.1"))
    read_head(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", limits)
    with pytest.raises(HttpError) as refused:
        read_head(b"GET /xx HTTP/1.1\r\nHost: a\r\n\r\n", limits)
    assert (refused.value.status, refused.value.rule) == (414, "HS01")


def test_http_1_0_needs_no_host() -> None:
    assert not read(line="GET / HTTP/1.0", host="").keep_alive


@given(st.binary(max_size=300))
def test_any_bytes_are_read_as_a_head_or_refused(junk: bytes) -> None:
    for raw in (junk + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n" + junk + b"\r\n\r\n"):
        try:
            head = read_head(raw, LIMITS)
        except HttpError:
            continue
        assert head.path.startswith("/")


@given(st.lists(st.binary(min_size=1, max_size=40)), st.data())
def test_a_chunked_body_is_the_same_however_it_is_cut(
    chunks: list[bytes], data: st.DataObject
) -> None:
    sent = b"".join(b"%x;e=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    sent += b"0\r\nX-T: 1\r\n\r\n"
    stream = sent + b"GET "
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    body, rest = ChunkedBody(10_000), None
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if rest is None:
            rest = body.feed(stream[start:end])
        else:
            rest += stream[start:end]
    assert bytes(body.body) == b"".join(chunks)
    assert rest == b"GET "


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_chunks_or_refused(junk: bytes) -> None:
    body = ChunkedBody(1000)
    with contextlib.suppress(HttpError):
        body.feed(junk)
    assert len(body.body) <= 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"x", b"a\r\nb"),
        (b"x", b"a\nb"),
        (b"x", b"a\0b"),
        (b"x\r\ny", b"1"),
        (b"x y", b"1"),
        (b"", b"1"),
        (b"Content-Length", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
    ],
)
def test_a_field_that_could_break_the_answer_is_not_written(name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="field"):
        field_lines([(name, value)])


def test_fields_are_written_as_they_are() -> None:
    assert field_lines([(b"a", b"1"), (b"B_c", b"\t2 ")]) == b"a: 1\r\nB_c: \t2 \r\n"
