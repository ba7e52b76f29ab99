"""Clients that take their time: each of the ten slow modes of `security.md` 3.4 ends in time."""

import time
from collections.abc import Callable

import pytest

from stockyard.gateway.limits import HttpLimits
from stockyard.testing.lane_host import Client, LaneHost, a_request

QUICK = HttpLimits(
    tick_s=0.02,
    first_byte_timeout_s=0.15,
    head_timeout_s=0.15,
    body_grace_s=0.15,
    body_timeout_s=0.6,
    keepalive_timeout_s=0.15,
    write_stall_s=0.15,
    drain_timeout_s=0.1,
)
PLANES = pytest.mark.parametrize("path", ["/call/whole", "/form"])


def dribble(client: Client, data: bytes, *, after: bytes = b"") -> None:
    """A byte at a time, until the server closes."""
    client.send(after)
    client.socket.settimeout(0.02)
    for at in range(len(data)):
        try:
            client.send(data[at : at + 1])
            if client.socket.recv(1) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return


def is_given_up(send: Callable[[Client], None], missed: str, status: int | None = None) -> None:
    with LaneHost(QUICK) as host, host.client() as client:
        send(client)
        if status is not None:
            assert client.answer().status == status
        assert client.closed_by_server()
        assert list(host.front.timeouts) == [missed]


def test_nothing_sent() -> None:
    is_given_up(lambda client: None, "http.first_byte_timeout")


def test_half_a_request_line() -> None:
    is_given_up(lambda client: client.send(b"GET /li"), "http.head_timeout", 408)


def test_a_head_that_trickles() -> None:
    head = a_request("GET /livez", fields=("X-A: " + "a" * 500,))
    is_given_up(lambda client: dribble(client, head), "http.head_timeout")


def test_half_a_field() -> None:
    is_given_up(lambda client: client.send(b"GET / HTTP/1.1\r\nHost: gw"), "http.head_timeout", 408)


def test_a_second_request_that_is_not_finished() -> None:
    def send(client: Client) -> None:
        client.send(a_request("GET /livez") + b"GET")
        assert client.answer().status == 200

    is_given_up(send, "http.head_timeout", 408)


def test_an_idle_connection_is_closed_without_a_word() -> None:
    def send(client: Client) -> None:
        client.send(a_request("GET /livez"))
        assert client.answer().status == 200

    is_given_up(send, "http.keepalive_timeout")


@PLANES
def test_a_body_that_never_comes(path: str) -> None:
    head = a_request(f"POST {path}", fields=("Content-Length: 5",))
    is_given_up(lambda client: client.send(head), "http.body_min_rate", 408)


@PLANES
def test_a_body_that_never_comes_after_an_answer_of_the_control_plane(path: str) -> None:
    def send(client: Client) -> None:
        client.send(a_request("GET /page"))
        assert client.answer().status == 200
        client.send(a_request(f"POST {path}", fields=("Content-Length: 5",)))

    is_given_up(send, "http.body_min_rate", 408)


@PLANES
def test_a_body_that_trickles(path: str) -> None:
    head = a_request(f"POST {path}", fields=("Content-Length: 500",))
    is_given_up(lambda client: dribble(client, b"x" * 400, after=head), "http.body_min_rate")


@PLANES
def test_a_chunk_size_that_never_ends(path: str) -> None:
    head = a_request(f"POST {path}", fields=("Transfer-Encoding: chunked",))
    is_given_up(lambda client: client.send(head + b"3"), "http.body_min_rate", 408)


@PLANES
def test_a_chunk_that_trickles(path: str) -> None:
    head = a_request(f"POST {path}", fields=("Transfer-Encoding: chunked",))
    is_given_up(
        lambda client: dribble(client, b"x" * 400, after=head + b"fff\r\n"), "http.body_min_rate"
    )


@PLANES
def test_a_body_that_is_fast_enough_but_never_ends(path: str) -> None:
    def send(client: Client) -> None:
        client.send(a_request(f"POST {path}", fields=("Content-Length: 900000",)))
        for _ in range(400):
            try:
                client.send(b"x" * 500)
            except OSError:
                return
            time.sleep(0.005)

    is_given_up(send, "http.body_timeout")


@PLANES
def test_an_answer_that_is_never_read(path: str) -> None:
    body = b"x" * 900_000
    with LaneHost(QUICK) as host, host.client(receive_buffer=4096) as client:
        client.socket.settimeout(0.5)
        try:
            for _ in range(30):
                client.send(a_request(f"POST {path}", body))
        except OSError:
            pass  # it is not read from us any more, or already cut
        assert host.soon(lambda: not host.front.lanes)
        assert list(host.front.timeouts) == ["http.write_stall"]


def test_an_answer_that_is_read_too_slowly() -> None:
    with LaneHost(QUICK) as host, host.client(receive_buffer=4096) as client:
        client.send(a_request("POST /call/stream", b"{}"))
        assert host.soon(lambda: host.plane.calls)
        call = host.plane.calls[0]

        def produce() -> bool:
            while not call.paused:
                call.reply.push(b"x" * 65_536)
            return True

        assert host.soon(produce)
        while host.do(lambda: bool(host.front.lanes)):
            client.socket.recv(1)
            time.sleep(0.02)
        assert call.told[-1] == "gone"


def test_a_large_answer_may_take_its_time_after_the_connection_is_to_close() -> None:
    body = b"x" * 1_000_000
    request = a_request("POST /call/whole", body, fields=("Connection: close",))
    with LaneHost(QUICK) as host, host.client(receive_buffer=4096) as client:
        client.send(request)
        for _ in range(10):
            time.sleep(0.05)
            client._read += client.socket.recv(50_000)
        assert len(client.answer().body) == len(body)
