"""Hand requests that are not calls to uvicorn's own protocol, on the same connection.

Console, API and WebSockets are served by uvicorn. It gets requests that the lane has checked and
rebuilt, one at a time, over a transport that is really the lane. So the lane still controls the
connection, its deadlines and its end.

The names taken from uvicorn here are internal to it, so the dependency is pinned and
`tests/gateway/test_lane_inner.py` asserts that they exist.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from stockyard.gateway.http import Head

if TYPE_CHECKING:
    from stockyard.gateway.passing import Passing


class Inner(HttpToolsProtocol):
    """uvicorn's protocol without its own connection, pipelining and keep-alive timer."""

    def __init__(
        self,
        lane: "Passing",
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        self._lane: Passing | None = lane
        self.connection_made(InnerTransport(lane))

    @property
    def unanswered(self) -> bool:
        """Whether no byte of an answer has been written yet."""
        return self.cycle is None or not self.cycle.response_started

    @property
    def complete(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    def leave(self) -> None:
        """The client has gone, or the lane has answered it: tell the app, and drop its writes."""
        self._lane = None
        if isinstance(self.transport, InnerTransport):
            self.transport.detach()
        self.connection_lost(None)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            _end_by_closing(self.cycle)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._lane is not None:
            self.flow.resume_reading()
            self._lane.inner_answered()


def inner_head(head: Head, length: int | None, *, keep_alive: bool) -> bytes:
    """The head as the inner protocol gets it: framed by `length` if the body was chunked."""
    dropped = [b"connection", b"upgrade", b"http2-settings", b"transfer-encoding"]
    lines = b""
    if length is not None:
        # The lane has the whole body already, so nobody needs to be asked for it.
        dropped.append(b"expect")
        lines += b"content-length: %d\r\n" % length
    if not keep_alive:
        lines += b"connection: close\r\n"
    return head.without(*dropped) + lines + b"\r\n"


def _end_by_closing(cycle: RequestResponseCycle) -> None:
    """HTTP/1.0 has no chunked encoding, but uvicorn uses it: end such answers by closing
    instead."""
    send = cycle.send

    async def send_plain(message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            names = {name.lower() for name, _ in message.get("headers", ())}
            if b"content-length" not in names:
                cycle.chunked_encoding = False
        elif message["type"] == "http.response.body" and cycle.expected_content_length == 0:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    cycle.send = send_plain  # type: ignore[method-assign]  # replaced on this one object


class InnerTransport(asyncio.Transport):
    """The lane, as a transport for the inner protocol and for WebSockets."""

    def __init__(self, lane: "Passing") -> None:
        super().__init__()
        self._lane: Passing | None = lane
        self._real = lane.transport

    def detach(self) -> None:
        self._lane = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._lane is not None:
            self._lane.write(bytes(data))

    def close(self) -> None:
        if self._lane is not None:
            self._lane.inner_closes()

    def abort(self) -> None:
        if self._lane is not None:
            self._lane.abort()

    def is_closing(self) -> bool:
        return self._lane is None or self._real.is_closing()

    def pause_reading(self) -> None:
        if self._lane is not None:
            self._lane.pause_reading()

    def resume_reading(self) -> None:
        if self._lane is not None:
            self._lane.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        if self._lane is not None and isinstance(protocol, asyncio.Protocol):
            self._lane.tunnel_to(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._real.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        return 0 if self._lane is None else self._lane.undelivered()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The lane has set the limits for all that is written here."""

    def can_write_eof(self) -> bool:
        return False
