"""A head that a client repeats is recognised; one that differs in more than a length is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.gateway.contract import Peer
from stockyard.gateway.http import HttpError, read_head
from stockyard.gateway.known_head import KnownHead
from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import ScriptedOpening, ScriptedPlane

LIMITS = HttpLimits()
HEAD = (
    b"POST /v1/chat HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n"
    b"Authorization: Bearer sk-sy-1\r\n\r\n"
)
UNSIZED = b"POST /v1/chat HTTP/1.1\r\nHost: a\r\n\r\n"
GET = b"GET /v1/models HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


def known(raw: bytes) -> KnownHead:
    head = read_head(raw, LIMITS)
    opening = ScriptedOpening(ScriptedPlane(), head, Peer("127.0.0.1", 1, loopback=True))
    return KnownHead(head, opening, 0)


@pytest.mark.parametrize("raw", [HEAD, UNSIZED, GET])
def test_the_same_head_is_recognised_with_whatever_follows_it(raw: bytes) -> None:
    length = 12 if raw is HEAD else 0
    assert known(raw).begins(raw) == (len(raw), length)
    assert known(raw).begins(raw + b"{}" + raw) == (len(raw), length)


@pytest.mark.parametrize(
    ("digits", "length"),
    [(b"1", 1), (b"99", 99), (b"8" * 15, 888_888_888_888_888)],
)
def test_a_repeated_head_may_have_another_length(digits: bytes, length: int) -> None:
    again = HEAD.replace(b"12", digits)
    assert known(HEAD).begins(again + b"{}") == (len(again), length)


@pytest.mark.parametrize("raw", [UNSIZED, GET])
def test_but_not_where_there_was_none_that_could_change(raw: bytes) -> None:
    changed = GET.replace(b"0\r\n", b"5\r\n") if raw is GET else HEAD
    assert known(raw).begins(changed) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEAD[:-1],
        HEAD[: HEAD.index(b"12") + 1],
        HEAD.replace(b"/v1/chat", b"/v1/chot"),
        HEAD.replace(b"sk-sy-1", b"sk-sy-2"),
        HEAD.replace(b"sk-sy-1", b"sk-sy-12"),
        HEAD.replace(b"12", b"15").replace(b"sk-sy-1", b"sk-sy-2"),
        HEAD.replace(b"12", b"0"),
        HEAD.replace(b"12", b"012"),
        HEAD.replace(b"12", b""),
        HEAD.replace(b"12", b"+12"),
        HEAD.replace(b"12", b"1 2"),
        HEAD.replace(b"12", b"1,2"),
        HEAD.replace(b"12", b"1\n2"),
        HEAD.replace(b"12", b"9" * 16),
        HEAD.replace(b"12\r\n", b"12\r\nX-More: 1\r\n"),
        HEAD.replace(b"12\r\n", b"12\r\nTransfer-Encoding: chunked\r\n"),
        HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
    ],
)
def test_a_head_that_differs_otherwise_is_not_recognised(data: bytes) -> None:
    assert known(HEAD).begins(data) is None


@given(st.integers(0, len(HEAD)), st.integers(0, len(HEAD)), st.binary(max_size=6))
def test_a_head_that_is_recognised_would_be_read_as_the_same(
    start: int, end: int, piece: bytes
) -> None:
    data = HEAD[:start] + piece + HEAD[end:]
    found = known(HEAD).begins(data)
    if found is None:
        return
    at, length = found
    try:
        head = read_head(data[:at], LIMITS)
    except HttpError:
        pytest.fail("A head was recognised that would be refused.")
    assert head.length == length
    same = (b"host", b"authorization")
    assert [head.field(name) for name in same] == [read_head(HEAD, LIMITS).field(n) for n in same]
    assert (head.method, head.target) == ("POST", "/v1/chat")
