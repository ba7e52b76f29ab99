"""Request heads: built from typed parts, so that no value can become a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.upstream.outgoing import request_head


def test_a_head_has_one_host_and_one_framing_field() -> None:
    head = request_head(b"POST", b"/v1?a=b", b"api.example", [(b"X-A", b"1"), (b"x-b", b"")], 12)
    assert head == (
        b"POST /v1?a=b HTTP/1.1\r\nhost: api.example\r\nX-A: 1\r\nx-b: \r\n"
        b"content-length: 12\r\n\r\n"
    )


def test_a_call_without_a_body_has_no_framing_field() -> None:
    head = request_head(b"GET", b"/", b"api.example", [], None)
    assert head == b"GET / HTTP/1.1\r\nhost: api.example\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target", "host", "field"),
    [
        (b"get", b"/", b"h", (b"a", b"b")),
        (b"GET /x", b"/", b"h", (b"a", b"b")),
        (b"GET", b"", b"h", (b"a", b"b")),
        (b"GET", b"/a b", b"h", (b"a", b"b")),
        (b"GET", b"/\r\nx: y", b"h", (b"a", b"b")),
        (b"GET", b"/\xe4", b"h", (b"a", b"b")),
        (b"GET", b"/", b"h\r\nx: y", (b"a", b"b")),
        (b"GET", b"/", b"h", (b"", b"b")),
        (b"GET", b"/", b"h", (b"a b", b"b")),
        (b"GET", b"/", b"h", (b"a:", b"b")),
        (b"GET", b"/", b"h", (b"a\n", b"b")),
        (b"GET", b"/", b"h", (b"a", b"b\r\nc: d")),
        (b"GET", b"/", b"h", (b"a", b"b\n")),
        (b"GET", b"/", b"h", (b"a", b"b\rc")),
        (b"GET", b"/", b"h", (b"a", b"b\0c")),
        (b"GET", b"/", b"h", (b"a", b"\x7f")),
        (b"GET", b"/", b"h", (b"a", b" b")),
        (b"GET", b"/", b"h", (b"Host", b"other")),
        (b"GET", b"/", b"h", (b"Content-Length", b"0")),
        (b"GET", b"/", b"h", (b"transfer-encoding", b"chunked")),
        (b"GET", b"/", b"h", (b"connection", b"close")),
    ],
)
def test_s11_a_part_that_could_be_another_line_is_refused(
    method: bytes, target: bytes, host: bytes, field: tuple[bytes, bytes]
) -> None:
    with pytest.raises(ValueError, match="must not have"):
        request_head(method, target, host, [field], 0)


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        request_head(b"POST", b"/", b"h", [], -1)


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=20)), max_size=4))
def test_s11_whatever_the_fields_a_head_has_just_their_lines(
    fields: list[tuple[bytes, bytes]],
) -> None:
    try:
        head = request_head(b"POST", b"/", b"h", fields, 0)
    except ValueError:
        return
    assert head.count(b"\n") == head.count(b"\r") == head.count(b"\r\n") == 4 + len(fields)
    assert head.endswith(b"\r\n\r\n")
    assert b"\0" not in head
