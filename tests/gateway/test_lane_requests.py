"""Less usual requests: HTTP/1.0, HEAD, OPTIONS, upgrades, and connections to be closed."""

import pytest

from stockyard.testing.lane_host import LaneHost, a_request
from tests.gateway.lanes import the_call


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("POST /call/whole", b"abc"),
        ("GET /pieces", b"GET /pieces !!!!!!!!!!"),
        ("GET /page", b"GET /page "),
        ("GET /livez", b'{"ok":true}'),
    ],
)
def test_http_1_0_gets_no_chunks_and_is_closed(host: LaneHost, line: str, body: bytes) -> None:
    with host.client() as client:
        client.send(a_request(line, b"abc" if "POST" in line else b"", version="1.0"))
        answer = client.answer()
        assert "transfer-encoding" not in answer.fields
        assert answer.body == body
        assert client.closed_by_server()


def test_a_stream_to_http_1_0_ends_with_the_connection(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}", version="1.0"))
        call = the_call(host)
        host.do(lambda: call.reply.push(b" and "))
        host.do(lambda: call.reply.finish(b"last"))
        assert client.answer().body == b"first and last"


@pytest.mark.parametrize("path", ["/livez", "/page", "/pieces", "/call/whole", "/call/stream"])
def test_an_answer_to_head_has_no_body(host: LaneHost, path: str) -> None:
    with host.client() as client:
        client.send(a_request(f"HEAD {path}"))
        if path == "/call/stream":
            call = the_call(host)
            host.do(lambda: call.reply.push(b"not sent"))
            host.do(call.reply.finish)
        assert client.answer(to="HEAD").status == 200
        client.send(a_request("GET /livez"))
        assert client.answer().body == b'{"ok":true}'


def test_options_of_the_server_is_answered_by_the_lane(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("OPTIONS *"))
        answer = client.answer()
        assert answer.status == 204
        assert "content-length" not in answer.fields
        assert answer.fields["allow"].startswith("GET, HEAD, POST")


def test_a_connection_is_closed_when_the_client_asks_for_it(host: LaneHost) -> None:
    for line in ("POST /call/whole", "POST /form"):
        with host.client() as client:
            client.send(a_request(line, b"x", fields=("Connection: close",)))
            assert client.answer().fields["connection"] == "close"
            assert client.closed_by_server()


def test_a_connection_is_closed_after_a_stream_when_the_client_asks_for_it(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"x", fields=("Connection: close",)))
        call = the_call(host)
        host.do(call.reply.finish)
        answer = client.answer()
        assert (answer.fields["connection"], answer.body) == ("close", b"first")
        assert client.closed_by_server()


@pytest.mark.parametrize("path", ["/call/whole", "/page"])
def test_an_upgrade_is_ignored_and_ends_the_connection(host: LaneHost, path: str) -> None:
    fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    with host.client() as client:
        client.send(a_request(f"GET {path}", fields=fields))
        answer = client.answer()
        assert answer.status == 200
        assert answer.fields["connection"] == "close"
        assert client.closed_by_server()


def test_fields_with_an_underscore_do_not_reach_the_control_plane(host: LaneHost) -> None:
    dropped = host.front.dropped_fields
    with host.client() as client:
        client.send(a_request("GET /page", fields=("x_real_name: 1",)))
        assert client.answer().status == 200
    assert host.front.dropped_fields == dropped + 1
