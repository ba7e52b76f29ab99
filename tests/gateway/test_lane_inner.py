"""What the lane takes from uvicorn's inside exists and behaves; a WebSocket gets through."""

import asyncio
import inspect

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server as UvicornServer
from uvicorn.server import ServerState

from stockyard.gateway.front import Front
from stockyard.gateway.health import Health
from stockyard.gateway.inner import Inner
from stockyard.testing.lane_host import LaneHost, ScriptedPlane, a_request


def test_the_names_we_build_on_exist() -> None:
    for name in ("on_headers_complete", "on_response_complete", "shutdown", "connection_lost"):
        assert inspect.isfunction(getattr(HttpToolsProtocol, name))
    for name in ("startup", "main_loop", "shutdown", "capture_signals", "serve"):
        assert inspect.isfunction(getattr(UvicornServer, name))
    assert {"resume_reading", "pause_reading"} <= set(dir(FlowControl))
    assert list(inspect.signature(HttpToolsProtocol.__init__).parameters)[1:] == [
        "config",
        "server_state",
        "app_state",
        "_loop",
    ]
    source = inspect.getsource(RequestResponseCycle)
    for name in (
        "self.response_started",
        "self.response_complete",
        "self.keep_alive",
        "self.chunked_encoding",
        "self.expected_content_length",
        "self.on_response()",
    ):
        assert name in source
    assert "self.transport.set_protocol(protocol)" in inspect.getsource(
        HttpToolsProtocol.handle_websocket_upgrade
    )


def test_no_keep_alive_timer_is_left_to_the_inner_protocol() -> None:
    with LaneHost() as host, host.client() as client:
        client.send(a_request("GET /page"))
        client.answer()
        (lane,) = host.front.lanes
        inner = lane._inner
        assert isinstance(inner, Inner)
        assert inner.timeout_keep_alive_task is None


class Echo(asyncio.Protocol):
    """Takes the place of uvicorn's WebSocket protocol, which needs a library."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, object]
    ) -> None:
        self.lost = server_state.total_requests

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"<" + data + b">")

    def eof_received(self) -> None:
        self.transport.write(b"bye")
        self.transport.close()


@pytest.mark.parametrize("path", ["/live", "/page"])
def test_a_websocket_is_opened_on_declared_paths_only(path: str) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    with LaneHost() as host, host.client() as client:
        host.front.websocket_paths = ("/live",)
        host.server.config.ws_protocol_class = Echo
        client.send(a_request(f"GET {path}", fields=upgrade))
        if path == "/page":
            assert client.answer().status == 200
            assert client.closed_by_server()
            return
        assert client.until(b"\r\n\r\n>").startswith(b"<GET /live HTTP/1.1\r\n")
        client.send(b"hello")
        assert client.until(b">") == b"<hello>"
        assert host.do(lambda: len(host.front.lanes)) == 1
        client.socket.shutdown(1)
        assert client.until(b"bye")
        assert host.soon(lambda: not host.front.lanes)


def test_a_front_needs_nothing_but_a_plane_and_health() -> None:
    front = Front(ScriptedPlane(), Health("1"))
    assert front.keepalive_s == front.limits.keepalive_timeout_s
