"""One connection: its requests are answered in order, and each head is checked."""

import pytest

from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import LaneHost, a_request
from tests.gateway.lanes import the_call


def test_both_planes_alternate_on_one_connection_and_pipelined_too(host: LaneHost) -> None:
    requests = [
        ("POST /call/whole", b"one", b"one"),
        ("POST /form", b"two", b"POST /form two"),
        ("GET /livez", b"", b'{"ok":true}'),
        ("POST /call/whole", b"three", b"three"),
        ("GET /page", b"", b"GET /page "),
        ("GET /pieces", b"", b"GET /pieces !!!!!!!!!!"),
        ("GET /call/whole", b"", b""),
    ]
    with host.client() as client:
        for line, body, expected in requests:
            client.send(a_request(line, body))
            assert client.answer().body == expected
        client.send(b"".join(a_request(line, body) for line, body, _ in requests))
        for _, _, expected in requests:
            assert client.answer().body == expected


def test_a_call_is_answered_before_the_next_one_starts(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/slow", b"1") + a_request("POST /call/whole", b"2"))
        first = the_call(host)
        assert host.plane.opened == 1
        host.do(lambda: first.reply.whole(200, b"", b"first"))
        assert client.answer().body == b"first"
        assert client.answer().body == b"2"


def test_thousands_of_pipelined_requests_are_served_in_one_read(host: LaneHost) -> None:
    chunked = a_request("POST /call/whole", fields=("Transfer-Encoding: chunked",))
    with host.client() as client:
        client.send((chunked + b"1\r\nx\r\n0\r\n\r\n") * 2000)
        for _ in range(2000):
            assert client.answer().body == b"x"


def test_a_repeated_head_is_not_looked_at_again_until_the_generation_changes(
    host: LaneHost,
) -> None:
    with host.client() as client:
        for body, opened in ((b"12345", 1), (b"12345", 1), (b"123", 1), (b"12345678901", 1)):
            client.send(a_request("POST /call/whole", body))
            assert client.answer().body == body
            assert host.plane.opened == opened
        host.plane.generation += 1
        client.send(a_request("POST /call/whole", b"12345"))
        assert client.answer().body == b"12345"
        assert host.plane.opened == 2


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ("Content-Length: 2000000", 413),
        ("Content-Length: 05", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: 5 ", 200),
        ("Content-Length: 5\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Content-Length: 1000000000000000", 400),
        ("Content-Length:", 400),
    ],
)
def test_a_head_that_is_nearly_the_one_before_is_checked_like_any(
    host: LaneHost, second: str, status: int
) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/whole", b"1234567"))
        assert client.answer().status == 200
        client.send(a_request("POST /call/whole", fields=(second,)) + b"12345")
        assert client.answer().status == status


def test_a_get_cannot_grow_a_body_by_being_repeated(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("GET /call/whole", fields=("Content-Length: 0",)))
        assert client.answer().status == 200
        client.send(a_request("GET /call/whole", fields=("Content-Length: 5",)) + b"12345")
        assert client.answer().status == 400


def test_a_stream_is_chunked_and_its_head_comes_with_the_first_piece(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}"))
        assert client.until(b"first\r\n").endswith(
            b"transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        )
        call = the_call(host)
        host.do(lambda: call.reply.push(b""))
        host.do(lambda: call.reply.push(b"next"))
        host.do(lambda: call.reply.finish(b"last"))
        assert client.until(b"0\r\n\r\n") == b"4\r\nnext\r\n4\r\nlast\r\n0\r\n\r\n"
        client.send(a_request("GET /livez"))
        assert client.answer().status == 200


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (HttpLimits(max_head_bytes=100), 431),
        (HttpLimits(max_line_bytes=100, max_head_bytes=300), 431),
        (HttpLimits(max_line_bytes=10), 414),
    ],
)
def test_a_head_that_does_not_end_is_refused_once_it_is_too_long(
    limits: HttpLimits, status: int
) -> None:
    with LaneHost(limits) as host, host.client() as client:
        client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300)
        assert client.answer().status == status
        assert client.closed_by_server()


def test_refusals_are_counted_by_their_rule(host: LaneHost) -> None:
    before = host.front.http_rejects["HS14"]
    with host.client() as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        answer = client.answer()
    assert b'"rule":"HS14"' in answer.body
    assert host.front.http_rejects["HS14"] == before + 1


def test_a_client_that_begins_with_tls_is_refused_at_once(host: LaneHost) -> None:
    before = host.front.http_rejects["HS04"]
    with host.client() as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        answer = client.answer()
    assert answer.status == 400
    assert b"http://, not https://" in answer.body
    assert host.front.http_rejects["HS04"] == before + 1
