"""Bodies of requests: asked for, taken whole, or refused before they end."""

import pytest

from stockyard.testing.lane_host import LaneHost, a_request


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


@pytest.mark.parametrize("path", ["/call/whole", "/form"])
def test_chunks_may_not_add_up_to_more_than_is_allowed(host: LaneHost, path: str) -> None:
    with host.client() as client:
        client.send(a_request(f"POST {path}", fields=("Transfer-Encoding: chunked",)))
        try:
            for _ in range(60):
                client.send(b"20000\r\n" + b"x" * 0x20000 + b"\r\n")
        except OSError:
            pass  # refused before its end
        assert not host.plane.calls
        assert not host.plane.requests


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
    def test_an_unwelcome_body_is_refused_without_being_asked_for(
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

    def test_a_long_rest_ends_the_connection_but_not_before_the_answer_is_read(
        self, host: LaneHost
    ) -> None:
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

    def test_the_rest_is_taken_after_answers_of_the_control_plane_too(self, host: LaneHost) -> None:
        with host.client() as client:
            request = a_request("POST /early", b"x" * 30_000)
            client.send(request[:1000])
            assert client.answer().body == b"POST /early "
            client.send(request[1000:] + a_request("GET /page"))
            assert client.answer().body == b"GET /page "
