"""No more is written than the client reads, and no more is read than can be served."""

import socket

import pytest

from stockyard.core.outbox import MOST_BYTES
from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import LaneHost, a_request
from tests.gateway.lanes import the_call, the_lane


def test_a_slow_reader_stops_the_producer_and_a_quick_one_starts_it_again(host: LaneHost) -> None:
    with host.client(receive_buffer=4096) as client:
        client.send(a_request("POST /call/stream", b"{}"))
        call = the_call(host)

        def produce() -> bool:
            while not call.paused and call.pushed < 64 * 2**20:
                call.reply.push(b"x" * 16_384)
                call.pushed += 16_384
            return call.paused

        # The system's buffers take some megabytes before ours fill.
        assert host.soon(produce)
        lane = the_lane(host, client)
        waiting = host.do(lane.transport.get_write_buffer_size)
        assert waiting <= 64 * 1024 + MOST_BYTES + 32
        client.take(call.pushed)
        assert host.soon(lambda: call.told[-1] == "resume")


def test_requests_too_far_ahead_are_not_read() -> None:
    limits = HttpLimits(tick_s=0.02, pipeline_buffer_bytes=4096)
    with LaneHost(limits) as host, host.client() as client:
        client.send(a_request("POST /call/slow", b"{}"))
        call = the_call(host)
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.send(a_request("GET /livez") * 1_000_000)
        lane = the_lane(host, client)
        assert host.do(lambda: len(lane._ahead)) < 600_000
        client.socket.settimeout(5)
        host.do(lambda: call.reply.whole(200, b"", b"done"))
        assert client.answer().body == b"done"
        assert client.answer().body == b'{"ok":true}'


def test_small_writes_are_not_delayed(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("GET /livez"))
        client.answer()
        lane = the_lane(host, client)
        connected = host.do(lambda: lane.transport.get_extra_info("socket"))
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_reading_may_be_paused_again_and_again(host: LaneHost) -> None:
    with host.client() as client:
        client.send(a_request("GET /livez"))
        client.answer()
        lane = the_lane(host, client)
        for _ in range(2):
            host.do(lane.pause_reading)
            assert not host.do(lane.transport.is_reading)
            host.do(lane.resume_reading)
            assert host.do(lane.transport.is_reading)
