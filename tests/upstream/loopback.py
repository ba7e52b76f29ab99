"""Servers on raw loopback sockets, and a Receiver that remembers what it heard."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from stockyard.errors import UpstreamError
from stockyard.upstream.client import Client
from stockyard.upstream.guard import Guard, GuardSettings
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, Timers, request_head
from stockyard.upstream.pool import ClientLimits
from stockyard.upstream.sending import Sending

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"content-length: 5\r\n\r\nhello"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
PATIENCE_SECONDS = 5.0
"""How long a test waits for what must happen."""


class Loopback:
    """A server of one test: how often it was connected to, and its address."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.connections = 0
        self.open = 0
        self.requests: list[bytes] = []
        """Heads and bodies, as `read_request` read them."""
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self._writers.add(writer)
        try:
            await self._handler(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client hung up, which some tests want
        finally:
            self.open -= 1
            self._writers.discard(writer)
            writer.transport.abort()

    def cut_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        request = head + await reader.readexactly(length)
        self.requests.append(request)
        return request


@asynccontextmanager
async def serving(
    handler: Handler, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Loopback]:
    loopback = Loopback(handler)
    options: dict[str, Any] = {} if tls is None else {"ssl": tls, "ssl_shutdown_timeout": 0.2}
    server = await asyncio.start_server(loopback.serve, host, 0, **options)
    loopback.port = server.sockets[0].getsockname()[1]
    try:
        yield loopback
    finally:
        server.close()
        loopback.cut_all()
        await until(lambda: loopback.open == 0)


@asynccontextmanager
async def answering(
    *answers: bytes, closes: bool = False, cut_every: int = 0
) -> AsyncIterator[Loopback]:
    """A server that gives `answers` to the requests it gets, the last of them again and again."""
    left = list(answers)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await loopback.read_request(reader)
            answer = left.pop(0) if len(left) > 1 else left[0]
            for piece in cut(answer, cut_every):
                writer.write(piece)
                await writer.drain()
                if cut_every:
                    await asyncio.sleep(0)
            if closes:
                return

    async with serving(handler) as loopback:
        yield loopback


def cut(data: bytes, every: int) -> list[bytes]:
    return [data] if not every else [data[i : i + every] for i in range(0, len(data), every)]


class Heard:
    """A Receiver that remembers, and says when the call is over."""

    def __init__(self) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.error: UpstreamError | None = None
        self.ends = 0
        self.changed = asyncio.Event()

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        assert not self.status
        assert not self.ends
        self.status, self.fields = status, fields
        self.changed.set()

    def data(self, piece: bytes) -> None:
        assert self.status
        assert not self.ends
        assert piece
        self.pieces.append(piece)
        self.changed.set()

    def done(self) -> None:
        self.ends += 1
        self.changed.set()

    def failed(self, error: UpstreamError) -> None:
        self.ends += 1
        self.error = error
        self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def end(self) -> None:
        await self.until(lambda: self.ends > 0)


class Pausing(Heard):
    """One that pauses its call, `sending`, as soon as the head is there."""

    sending: Sending

    def head(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        super().head(status, fields)
        self.sending.pause()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it may be about things without an event
            await asyncio.sleep(0.001)


@asynccontextmanager
async def calling(
    limits: ClientLimits | None = None, settings: GuardSettings | None = None, **options: Any
) -> AsyncIterator[Client]:
    client = Client(Guard(settings or GuardSettings()), limits or ClientLimits(), **options)
    try:
        yield client
    finally:
        await client.close()


def origin_of(client: Client, url: str, **options: Any) -> Origin:
    return client.origin(url, purpose="provider", operator=True, allow_private=True, **options)


def a_call(
    origin: Origin,
    *,
    method: bytes = b"POST",
    body: bytes = b"{}",
    timers: Timers | None = None,
    **options: Any,
) -> Outgoing:
    head = request_head(method, b"/v1/chat", origin.host, [(b"x-test", b"1")], len(body))
    return Outgoing(origin=origin, head=head, body=body, timers=timers or Timers(), **options)


async def heard_from(client: Client, outgoing: Outgoing) -> tuple[Heard, Sending]:
    """Send a call and wait until it is over."""
    heard = Heard()
    sending = client.start(outgoing, heard)
    await heard.end()
    return heard, sending
