"""The part of a lane that hands requests which are not calls to uvicorn's own protocol.

They are handed over one at a time, and the connection stays the lane's. A WebSocket, once it is
open, is passed through without being parsed.
"""

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from stockyard.gateway.arriving import Arriving
from stockyard.gateway.bodies import TOO_LARGE, SizedBody
from stockyard.gateway.connection import Connection
from stockyard.gateway.deadlines import NEVER
from stockyard.gateway.front import Front
from stockyard.gateway.http import Head, HttpError
from stockyard.gateway.inner import Inner, inner_head
from stockyard.gateway.phase import BETWEEN, Phase


class Passing(Connection):
    """The part of a Lane that knows the inner protocol."""

    def __init__(
        self,
        front: Front,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(front)
        self._loop = loop
        self._host = (config, server_state, app_state)
        self._phase = BETWEEN
        self._ahead = b""
        """Data that arrived while another request was being served."""
        self._arriving: Arriving | None = None
        """The body in phases BODY and STREAM."""
        self._need = 0
        """How many bytes of a body are still to be passed on or skipped."""
        self._inner: Inner | None = None
        self._tunnel: asyncio.Protocol | None = None

    def answered(self, *, keep_alive: bool) -> None:
        """The answer is written."""
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    def _hold(self, data: bytes) -> None:
        """Keep data that came early; stop reading when it becomes too much."""
        self._ahead += data
        if len(self._ahead) > self.limits.pipeline_buffer_bytes:
            self.pause_reading()

    def _go_on_reading(self) -> None:
        if len(self._ahead) <= self.limits.pipeline_buffer_bytes:
            self.resume_reading()

    def _pass_on(self, head: Head, data: bytes, *, collected: bool = False) -> bytes:
        """Hand a request to the inner protocol. Returns the bytes that follow it in `data`."""
        if head.length > self.limits.max_control_body_bytes:
            raise HttpError(413, "max_body", TOO_LARGE)
        config, server_state, app_state = self._host
        if self._inner is None:
            self._inner = Inner(self, config, server_state, app_state, self._loop)
        inner = self._inner
        upgrades = head.upgrade and head.path in self.front.websocket_paths
        if upgrades and config.ws_protocol_class is not None:
            inner.data_received(head.raw.removeprefix(b"\r\n") + data)
            return b""
        length = len(data) if collected else head.length
        self._need = length
        self._phase = Phase.STREAM if length else Phase.INNER
        self.deadline = NEVER
        known = length if collected else None
        inner.data_received(inner_head(head, known, keep_alive=head.keep_alive))
        if length:
            arriving = Arriving(head, None, SizedBody(0), self.clock.now, self.limits)
            self._arriving = arriving
            self.deadline = arriving.deadline
            self._stream(arriving, inner, data[:length])
        return data[length:]

    def _stream(self, arriving: Arriving, inner: Inner, data: bytes) -> None:
        """Hand a piece of a body to the inner protocol."""
        arriving.received += len(data)
        piece, rest = data[: self._need], data[self._need :]
        self._need -= len(piece)
        if not self._need:
            self._phase = Phase.INNER
            self._arriving = None
            self.deadline = NEVER
        inner.data_received(piece)
        if rest:
            self._hold(rest)

    def inner_answered(self) -> None:
        """The inner protocol has written its answer."""
        inner = self._inner
        if inner is None or self._phase not in (Phase.STREAM, Phase.INNER):
            return
        unread = self._need if self._phase is Phase.STREAM else 0
        keep_alive = inner.cycle.keep_alive and unread <= self.limits.drain_bytes
        if unread:
            # Its parser is in the middle of a body that nobody will read, so it cannot be reused.
            self._leave_inner()
        self.answered(keep_alive=keep_alive)
        if unread and self._phase is BETWEEN:
            self._phase = Phase.SKIP
            self._need = unread
            self.deadline = self.clock.now + self.limits.drain_timeout_s

    def inner_closes(self) -> None:
        """The inner protocol wants the connection closed. After a complete answer it does so by
        `inner_answered`."""
        if self._phase is Phase.TUNNEL:
            self.deadline = self.watch_writes()
            self.close()
        elif self._inner is not None and not self._inner.complete:
            self._close()

    def tunnel_to(self, protocol: asyncio.Protocol) -> None:
        """Bytes from here on belong to a WebSocket."""
        self._phase = Phase.TUNNEL
        self._tunnel = protocol
        self._inner = None
        self.deadline = NEVER

    def _leave_inner(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.leave()
