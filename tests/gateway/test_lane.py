"""One connection: whose requests are whose, in what order, and what happens when it breaks."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from stockyard.core.outbox import MOST_BYTES
from stockyard.gateway.connection import Connection
from stockyard.gateway.contract import Peer
from stockyard.gateway.front import REFUSING, Front
from stockyard.gateway.health import Health
from stockyard.gateway.lane import Lane
from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import Call, Client, LaneHost, ScriptedPlane, a_request

SMALL = HttpLimits(tick_s=0.02, pipeline_buffer_bytes=4096)


@pytest.fixture(scope="module")
def shared() -> Iterator[LaneHost]:
    with LaneHost() as host:
        yield host


@pytest.fixture
def host(shared: LaneHost) -> LaneHost:
    shared.plane.calls.clear()
    shared.plane.requests.clear()
    shared.plane.opened = 0
    return shared


def the_call(host: LaneHost) -> Call:
    assert host.soon(lambda: host.plane.calls)
    return host.plane.calls[-1]


def the_lane(host: LaneHost, client: Client) -> Lane:
    """The one this client is connected to: those of earlier tests may still linger."""
    port = client.socket.getsockname()[1]
    return host.do(lambda: next(lane for lane in host.front.lanes if lane.peer.port == port))


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


@pytest.mark.parametrize("path", ["/call/whole", "/form"])
def test_a_chunked_body_arrives_whole(host: LaneHost, path: str) -> None:
    with host.client() as client:
        client.send(a_request(f"POST {path}", fields=("Transfer-Encoding: chunked",)))
        client.send(b"3;x=y\r\nabc\r\n")
        client.send(b"2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n")
        assert client.answer().body.endswith(b"abcde")


@pytest.mark.parametrize("path", ["/call/whole", "/form"])
def test_a_large_body_arrives_whole(host: LaneHost, path: str) -> None:
    body = bytes(range(256)) * 3000
    with host.client() as client:
        client.send(a_request(f"POST {path}", body))
        assert client.answer().body.endswith(body)


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


class TestExpect:
    @pytest.mark.parametrize("path", ["/call/whole", "/form"])
    def test_a_welcome_body_is_asked_for(self, host: LaneHost, path: str) -> None:
        with host.client() as client:
            head = a_request(f"POST {path}", fields=("Content-Length: 2", "Expect: 100-continue"))
            client.send(head)
            assert client.answer().status == 100
            client.send(b"hi")
            assert client.answer().body.endswith(b"hi")

    @pytest.mark.parametrize(
        ("path", "length", "status"),
        [("/call/denied", 2, 401), ("/call/whole", 2_000_000, 413)],
    )
    def test_an_unwelcome_body_is_not(
        self, host: LaneHost, path: str, length: int, status: int
    ) -> None:
        with host.client() as client:
            fields = (f"Content-Length: {length}", "Expect: 100-continue")
            client.send(a_request(f"POST {path}", fields=fields))
            answer = client.answer()
            assert answer.status == status
            assert answer.fields["connection"] == "close"
            assert client.closed_by_server()


class TestEarlyAnswers:
    def test_a_short_rest_of_the_body_is_taken_and_the_connection_goes_on(
        self, host: LaneHost
    ) -> None:
        with host.client() as client:
            request = a_request("POST /call/denied", b"x" * 30_000)
            client.send(request[:1000])
            assert client.answer().status == 401
            client.send(request[1000:] + a_request("GET /page"))
            assert client.answer().body == b"GET /page "

    def test_a_long_one_ends_it_but_not_before_the_answer_is_read(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/denied", fields=("Content-Length: 900000",)))
            client.send(b"x" * 40_000)
            assert client.answer().status == 401
            assert client.closed_by_server()

    def test_the_rest_is_not_waited_for_long(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/denied", fields=("Content-Length: 20",)))
            assert client.answer().status == 401
            assert client.closed_by_server()

    def test_of_the_control_plane_too(self, host: LaneHost) -> None:
        with host.client() as client:
            request = a_request("POST /early", b"x" * 30_000)
            client.send(request[:1000])
            assert client.answer().body == b"POST /early "
            client.send(request[1000:] + a_request("GET /page"))
            assert client.answer().body == b"GET /page "

    @pytest.mark.parametrize("path", ["/call/whole", "/form"])
    def test_chunks_may_not_add_up_to_more_than_is_allowed(self, host: LaneHost, path: str) -> None:
        with host.client() as client:
            client.send(a_request(f"POST {path}", fields=("Transfer-Encoding: chunked",)))
            try:
                for _ in range(60):
                    client.send(b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
            except OSError:
                pass  # refused before its end
            assert not host.plane.calls
            assert not host.plane.requests


class TestOldAndSmallRequests:
    @pytest.mark.parametrize(
        ("line", "body"),
        [
            ("POST /call/whole", b"abc"),
            ("GET /pieces", b"GET /pieces !!!!!!!!!!"),
            ("GET /page", b"GET /page "),
            ("GET /livez", b'{"ok":true}'),
        ],
    )
    def test_http_1_0_gets_no_chunks_and_is_closed(
        self, host: LaneHost, line: str, body: bytes
    ) -> None:
        with host.client() as client:
            client.send(a_request(line, b"abc" if "POST" in line else b"", version="1.0"))
            answer = client.answer()
            assert "transfer-encoding" not in answer.fields
            assert answer.body == body
            assert client.closed_by_server()

    def test_a_stream_to_http_1_0_ends_with_the_connection(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/stream", b"{}", version="1.0"))
            call = the_call(host)
            host.do(lambda: call.reply.push(b" and "))
            host.do(lambda: call.reply.finish(b"last"))
            assert client.answer().body == b"first and last"

    @pytest.mark.parametrize("path", ["/livez", "/page", "/pieces", "/call/whole", "/call/stream"])
    def test_head_has_the_head_of_an_answer_only(self, host: LaneHost, path: str) -> None:
        with host.client() as client:
            client.send(a_request(f"HEAD {path}"))
            if path == "/call/stream":
                call = the_call(host)
                host.do(lambda: call.reply.push(b"not sent"))
                host.do(call.reply.finish)
            assert client.answer(to="HEAD").status == 200
            client.send(a_request("GET /livez"))
            assert client.answer().body == b'{"ok":true}'

    def test_options_of_the_server_is_answered_by_the_lane(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("OPTIONS *"))
            answer = client.answer()
            assert answer.status == 204
            assert "content-length" not in answer.fields
            assert answer.fields["allow"].startswith("GET, HEAD, POST")

    def test_a_connection_is_closed_when_the_client_asks_for_it(self, host: LaneHost) -> None:
        for line in ("POST /call/whole", "POST /form"):
            with host.client() as client:
                client.send(a_request(line, b"x", fields=("Connection: close",)))
                assert client.answer().fields["connection"] == "close"
                assert client.closed_by_server()

    def test_so_is_one_at_the_end_of_a_stream(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/stream", b"x", fields=("Connection: close",)))
            call = the_call(host)
            host.do(call.reply.finish)
            answer = client.answer()
            assert (answer.fields["connection"], answer.body) == ("close", b"first")
            assert client.closed_by_server()

    @pytest.mark.parametrize("path", ["/call/whole", "/page"])
    def test_an_upgrade_is_ignored_and_ends_the_connection(self, host: LaneHost, path: str) -> None:
        fields = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
        with host.client() as client:
            client.send(a_request(f"GET {path}", fields=fields))
            answer = client.answer()
            assert answer.status == 200
            assert answer.fields["connection"] == "close"
            assert client.closed_by_server()

    def test_fields_with_an_underscore_do_not_reach_the_control_plane(self, host: LaneHost) -> None:
        dropped = host.front.dropped_fields
        with host.client() as client:
            client.send(a_request("GET /page", fields=("x_real_name: 1",)))
            assert client.answer().status == 200
        assert host.front.dropped_fields == dropped + 1


class TestClientsThatLeave:
    def test_closing_cancels_a_call_that_waits(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/slow", b"{}"))
            call = the_call(host)
        assert host.soon(lambda: call.told == ["gone"])

    def test_so_does_a_half_close(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/stream", b"{}"))
            call = the_call(host)
            client.socket.shutdown(socket.SHUT_WR)
            assert host.soon(lambda: call.told == ["gone"])
            assert client.closed_by_server()

    def test_so_does_a_reset(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/stream", b"{}"))
            call = the_call(host)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert host.soon(lambda: call.told == ["gone"])

    def test_late_calls_on_a_reply_do_nothing(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/stream", b"{}"))
            call = the_call(host)
        assert host.soon(lambda: call.told == ["gone"])
        host.do(lambda: call.reply.push(b"late"))
        host.do(lambda: call.reply.finish(b"late"))
        host.do(lambda: call.reply.whole(500, b"", b"late"))
        host.do(call.reply.cut)
        assert call.told == ["gone"]

    def test_nor_do_they_reach_the_next_answer(self, host: LaneHost) -> None:
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

    def test_the_control_plane_hears_of_it_a_little_later(self) -> None:
        limits = HttpLimits(half_close_grace_s=0.1, tick_s=0.02)
        with LaneHost(limits) as host, host.client() as client:
            client.send(a_request("GET /never"))
            assert host.soon(lambda: host.plane.requests)
            client.socket.close()
            assert host.soon(lambda: host.plane.requests == ["GET /never", "disconnected"])

    def test_local_answers_are_still_written_after_a_half_close(self, host: LaneHost) -> None:
        with host.client() as client:
            paths = ("/page", "/livez", "/page", "/pieces")
            client.send(b"".join(a_request(f"GET {path}") for path in paths))
            client.socket.shutdown(socket.SHUT_WR)
            assert client.answer().body == b"GET /page "
            assert client.answer().body == b'{"ok":true}'
            assert client.answer().body == b"GET /page "
            assert client.answer().body == b"GET /pieces !!!!!!!!!!"
            assert client.closed_by_server()

    def test_a_cut_answer_is_seen_to_be_incomplete(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("POST /call/stream", b"{}"))
            call = the_call(host)
            host.do(lambda: call.reply.push(b"more"))
            host.do(call.reply.cut)
            with pytest.raises(EOFError):
                client.answer()


class TestBackPressure:
    def test_a_slow_reader_stops_the_producer_and_a_quick_one_starts_it_again(
        self, host: LaneHost
    ) -> None:
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

    def test_what_comes_too_early_is_not_read(self) -> None:
        with LaneHost(SMALL) as host, host.client() as client:
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

    def test_small_writes_are_not_delayed(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("GET /livez"))
            client.answer()
            lane = the_lane(host, client)
            connected = host.do(lambda: lane.transport.get_extra_info("socket"))
            assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class TestLimits:
    def test_one_address_has_so_many_connections_but_loopback_is_exempt(self) -> None:
        limits = HttpLimits(per_address=1, tick_s=0.02)
        with LaneHost(limits) as host, host.client() as first, host.client() as second:
            for client in (first, second):
                client.send(a_request("GET /livez"))
                assert client.answer().status == 200

    def test_beyond_the_last_connection_there_is_a_503(self) -> None:
        limits = HttpLimits(connections=2, tick_s=0.02)
        with LaneHost(limits) as host, host.client() as first, host.client() as second:
            for client in (first, second):
                client.send(a_request("GET /livez"))
                assert client.answer().status == 200
            with host.client() as third:
                answer = third.answer()
                assert answer.status == 503
                assert third.closed_by_server()
            assert host.front.http_rejects == {"connections": 1}

    def test_far_beyond_it_there_is_not_even_an_answer(self) -> None:
        peer = Peer("203.0.113.1", 1, loopback=False)
        front = Front(ScriptedPlane(), Health("1"), HttpLimits(connections=-REFUSING))
        assert front.turns_away(peer) == "overrun"

    @pytest.mark.parametrize(
        ("first", "second", "same"),
        [
            ("203.0.113.1", "203.0.113.1", True),
            ("203.0.113.1", "203.0.113.2", False),
            ("2001:db8::1", "2001:db8::ffff:2", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("10.0.0.1", "10.0.0.1", False),
        ],
    )
    async def test_an_ipv6_network_counts_as_one_address_and_a_proxy_as_none(
        self, first: str, second: str, same: bool
    ) -> None:
        limits = HttpLimits(per_address=1)
        front = Front(ScriptedPlane(), Health("1"), limits, trusted_proxies=("10.0.0.0/8",))
        config = Config(front.plane, lifespan="off", log_config=None)  # type: ignore[arg-type]  # no ASGI app is called
        lane = Lane(front, config=config, server_state=ServerState(), app_state={})
        lane.peer = Peer(first, 1, loopback=False)
        front.enter(lane, asyncio.get_running_loop())
        turned_away = front.turns_away(Peer(second, 1, loopback=False))
        front.leave(lane)
        front.clock.stop()
        assert turned_away == ("per_address" if same else None)

    @pytest.mark.parametrize(
        ("limits", "status"),
        [
            (HttpLimits(max_head_bytes=100), 431),
            (HttpLimits(max_line_bytes=100, max_head_bytes=300), 431),
            (HttpLimits(max_line_bytes=10), 414),
        ],
    )
    def test_a_head_that_does_not_end_is_refused_once_it_is_too_long(
        self, limits: HttpLimits, status: int
    ) -> None:
        with LaneHost(limits) as host, host.client() as client:
            client.send(b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300)
            assert client.answer().status == status
            assert client.closed_by_server()

    def test_in_a_crowd_connections_wait_less_for_their_next_request(self) -> None:
        limits = HttpLimits(connections=5, keepalive_timeout_s=60, tick_s=0.02)
        with LaneHost(limits) as host, ExitStack() as crowd:
            for _ in range(4):
                crowd.enter_context(host.client())
            assert host.soon(lambda: len(host.front.lanes) == 4)
            assert host.front.keepalive_s == limits.keepalive_timeout_s
            with host.client():
                assert host.soon(lambda: len(host.front.lanes) == 5)
                assert host.front.keepalive_s == limits.crowded_keepalive_timeout_s
            assert host.soon(lambda: host.front.keepalive_s == limits.keepalive_timeout_s)

    async def test_a_connection_that_ends_makes_room_and_one_that_was_turned_away_does_not(
        self,
    ) -> None:
        front = Front(ScriptedPlane(), Health("1"), HttpLimits(per_address=2))
        config = Config(front.plane, lifespan="off", log_config=None)  # type: ignore[arg-type]  # no ASGI app is called
        peer = Peer("203.0.113.1", 1, loopback=False)
        loop = asyncio.get_running_loop()
        first, second, third = (
            Lane(front, config=config, server_state=ServerState(), app_state={}) for _ in range(3)
        )
        for lane in (first, second, third):
            lane.peer = peer
        front.enter(first, loop)
        front.enter(second, loop)
        assert front.turns_away(peer) == "per_address"
        front.leave(third)
        assert front.turns_away(peer) == "per_address"
        front.leave(first)
        assert front.turns_away(peer) is None
        front.enter(first, loop)
        assert front.turns_away(peer) == "per_address"
        front.leave(first)
        front.leave(second)
        front.clock.stop()
        assert not front._per_address

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
    async def test_callers_of_this_machine_are_told_by_their_address(self, host: str) -> None:
        front = Front(ScriptedPlane(), Health("1"), HttpLimits())
        met: asyncio.Queue[Connection] = asyncio.Queue()

        class Meeting(Connection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.take(transport)
                met.put_nowait(self)

        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Meeting(front), host, 0)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_connection(
            asyncio.Protocol, host, port, local_addr=(host, 0)
        )
        peer = (await asyncio.wait_for(met.get(), 5)).peer
        transport.abort()
        server.close()
        assert (peer.address, peer.loopback) == (host, True)

    def test_reading_may_be_paused_again_and_again(self, host: LaneHost) -> None:
        with host.client() as client:
            client.send(a_request("GET /livez"))
            client.answer()
            lane = the_lane(host, client)
            for _ in range(2):
                host.do(lane.pause_reading)
                assert not host.do(lane.transport.is_reading)
                host.do(lane.resume_reading)
                assert host.do(lane.transport.is_reading)

    def test_the_last_slots_are_for_probes(self) -> None:
        limits = HttpLimits(connections=16)
        front = Front(ScriptedPlane(), Health("1"), limits, probe_networks=("192.0.2.0/24",))
        assert front.full_for(Peer("203.0.113.1", 1, loopback=False))
        assert not front.full_for(Peer("192.0.2.9", 1, loopback=False))
        assert not front.full_for(Peer("127.0.0.1", 1, loopback=True))

    def test_refusals_are_counted_by_their_rule(self, host: LaneHost) -> None:
        before = host.front.http_rejects["HS14"]
        with host.client() as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            answer = client.answer()
        assert b'"rule":"HS14"' in answer.body
        assert host.front.http_rejects["HS14"] == before + 1


def test_whoever_begins_with_tls_is_not_kept_waiting(host: LaneHost) -> None:
    before = host.front.http_rejects["HS04"]
    with host.client() as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        answer = client.answer()
    assert answer.status == 400
    assert b"http://, not https://" in answer.body
    assert host.front.http_rejects["HS04"] == before + 1
