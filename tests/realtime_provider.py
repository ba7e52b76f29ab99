"""A provider of realtime sessions that a test drives, made with a library that is not ours."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol


class RealtimeProvider:
    """Sessions wait in `sessions` until the test takes them."""

    def __init__(self) -> None:
        self.sessions: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.requests: list[Request] = []
        self.refusal: tuple[int, bytes] | None = None
        self.refusals: int | None = None
        """How many handshakes are refused; None for all."""
        self._done = asyncio.Event()

    async def next(self) -> ServerConnection:
        return await asyncio.wait_for(self.sessions.get(), 20)

    async def _serve(self, connection: ServerConnection) -> None:
        self.sessions.put_nowait(connection)
        await connection.wait_closed()

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.refusal is None or self.refusals == 0:
            return None
        if self.refusals is not None:
            self.refusals -= 1
        status, body = self.refusal
        fields = {"content-type": "application/json", "content-length": str(len(body))}
        return Response(status, HTTPStatus(status).phrase, Headers(fields), body)

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator[str]:
        """The URL, as long as it listens."""
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._judge,
            select_subprotocol=_realtime,
            compression=None,
            max_size=None,
            close_timeout=1,
            **options,
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            yield f"http://127.0.0.1:{port}/v1"


def _realtime(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return Subprotocol("realtime") if "realtime" in offered else None
