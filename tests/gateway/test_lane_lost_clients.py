"""A client that leaves is noticed, and what was under way for it is cancelled."""

import socket
import struct

import pytest

from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import LaneHost, a_request
from tests.gateway.lanes import the_call


def test_a_client_that_closes_cancels_its_call(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/slow", b"{}"))
        call = the_call(host)
    assert host.soon(lambda: call.told == ["gone"])


def test_a_client_that_closes_its_half_cancels_its_stream(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}"))
        call = the_call(host)
        client.socket.shutdown(socket.SHUT_WR)
        assert host.soon(lambda: call.told == ["gone"])
        assert client.closed_by_server()


def test_a_client_that_resets_the_connection_cancels_its_stream(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}"))
        call = the_call(host)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert host.soon(lambda: call.told == ["gone"])


def test_late_calls_on_a_reply_to_a_lost_client_do_nothing(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}"))
        call = the_call(host)
    assert host.soon(lambda: call.told == ["gone"])
    host.do(lambda: call.reply.push(b"late"))
    host.do(lambda: call.reply.finish(b"late"))
    host.do(lambda: call.reply.whole(500, b"", b"late"))
    host.do(call.reply.cut)
    assert call.told == ["gone"]


def test_late_calls_on_a_reply_do_not_reach_the_next_answer(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}"))
        call = the_call(host)
        host.do(call.reply.finish)
        assert client.answer().body == b"first"
        client.send(a_request("POST /call/slow", b"{}"))
        assert host.soon(lambda: len(host.plane.calls) == 2)
        host.do(lambda: call.reply.push(b"late"))
        host.do(call.reply.cut)
        host.do(lambda: host.plane.calls[-1].reply.whole(200, b"", b"right"))
        assert client.answer().body == b"right"


def test_the_control_plane_is_told_a_little_later_that_a_client_left() -> None:
    limits = HttpLimits(half_close_grace_s=0.1, tick_s=0.02)
    with LaneHost(limits) as host, host.client() as client:
        client.send(a_request("GET /never"))
        assert host.soon(lambda: host.plane.requests)
        client.socket.close()
        assert host.soon(lambda: host.plane.requests == ["GET /never", "disconnected"])


def test_local_answers_are_still_written_after_a_half_close(host: LaneHost) -> None:
    with host.client() as client:
        paths = ("/page", "/livez", "/page", "/pieces")
        client.send(b"".join(a_request(f"GET {path}") for path in paths))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().body == b"GET /page "
        assert client.answer().body == b'{"ok":true}'
        assert client.answer().body == b"GET /page "
        assert client.answer().body == b"GET /pieces !!!!!!!!!!"
        assert client.closed_by_server()


def test_a_cut_answer_is_seen_to_be_incomplete(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("POST /call/stream", b"{}"))
        call = the_call(host)
        host.do(lambda: call.reply.push(b"more"))
        host.do(call.reply.cut)
        with pytest.raises(EOFError):
            client.answer()
