"""A server that pauses, or leaves because another process serves on, turns nobody away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stockyard.gateway.server import ServerSettings
from stockyard.testing.lane_host import LaneHost, a_request

PATIENT = ServerSettings(port=0, drain_s=5, fast_stop_s=0.1, app_patience_s=0.1)


@contextmanager
def a_host() -> Iterator[LaneHost]:
    host = LaneHost(settings=PATIENT)
    try:
        with host:
            yield host
    finally:
        host.server._listening.close()  # What leaves keeps it for the next.


def resume(host: LaneHost) -> None:
    asyncio.run_coroutine_threadsafe(host.server.resume(), host._loop).result(5)


class TestPause:
    def test_connections_wait_until_the_server_goes_on(self) -> None:
        with a_host() as host:
            host.do(host.server.pause)
            with host.client() as waiting:
                waiting.send(a_request("POST /call/whole", b"x"))
                assert not host.do(lambda: host.plane.calls)
                resume(host)
                assert waiting.answer().body == b"x"

    def test_open_connections_are_served_and_pages_are_held_back(self) -> None:
        with a_host() as host, host.client() as client:
            client.send(a_request("GET /page"))
            assert client.answer().status == 200
            host.do(host.server.pause)
            client.send(a_request("POST /call/whole", b"x"))
            assert client.answer().body == b"x"
            client.send(a_request("GET /page"))
            assert client.answer().status == 503
            resume(host)
            client.send(a_request("GET /page"))
            assert client.answer().status == 200


class TestLeaving:
    def test_an_open_connection_has_one_more_call_which_is_its_last(self) -> None:
        with a_host() as host, host.client() as client:
            client.send(a_request("POST /call/whole", b"x"))
            assert "connection" not in client.answer().fields
            host.do(host.server.leave)
            assert host.soon(lambda: host.front.draining)
            client.send(a_request("POST /call/whole", b"y"))
            answer = client.answer()
            assert (answer.body, answer.fields["connection"]) == (b"y", "close")
            host.join()

    def test_pages_are_for_the_process_that_serves_on(self) -> None:
        with a_host() as host, host.client() as client:
            client.send(a_request("GET /page"))
            assert client.answer().status == 200
            host.do(host.server.leave)
            assert host.soon(lambda: host.front.draining)
            client.send(a_request("GET /page"))
            assert client.answer().status == 503

    def test_a_client_that_says_nothing_more_is_let_go_and_the_process_ends(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("stockyard.gateway.lane.LAST_WORDS_S", 0.05)
        with a_host() as host, host.client() as client:
            client.send(a_request("POST /call/whole", b"x"))
            client.answer()
            host.do(host.server.leave)
            assert client.closed_by_server()
            host.join()

    def test_the_socket_stays_for_the_next_process(self) -> None:
        with a_host() as host:
            host.do(host.server.leave)
            host.join()
            with host.client():
                pass  # It waits in the queue.

    def test_a_stop_closes_the_socket(self) -> None:
        with a_host() as host:
            host.do(host.server.stop)
            host.join()
            # Not by connecting: somebody else may have the port by now.
            assert host.server._listening.fileno() == -1

    def test_asking_to_hurry_before_a_stop_changes_nothing(self) -> None:
        with a_host() as host, host.client() as client:
            host.do(host.server.hurry)
            client.send(a_request("POST /call/whole", b"x"))
            assert client.answer().body == b"x"
