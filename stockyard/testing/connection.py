"""One connection of a scripted provider: requests are read, the steps of their answers are done."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from typing import cast

import httptools

from stockyard.testing.received import ReceivedRequest
from stockyard.testing.steps import Farewell, HangUp, Repeat, Send, Stall, Step, Wait

_LARGEST_REQUEST = 64 * 2**20
_PIPELINED = 100
"""Requests that may wait on one connection; more are taken for nonsense."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time at all: closing sends a reset."""

Answering = Callable[[ReceivedRequest], Sequence[Step]]


class Connection(asyncio.Protocol):
    """Reads requests with llhttp and answers them one at a time, in order."""

    def __init__(
        self,
        number: int,
        answering: Answering,
        gone: Callable[["Connection", BaseException | None], None],
        *,
        patience: float,
        goes_on: asyncio.Semaphore,
        reads: bool,
    ) -> None:
        """`gone` hears when nothing of it is left, and of a script that makes no sense."""
        self._number = number
        self._answering = answering
        self._gone = gone
        self._patience = patience
        self._goes_on = goes_on
        self._reads = reads
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: asyncio.Queue[ReceivedRequest] = asyncio.Queue(_PIPELINED)
        self._last: ReceivedRequest | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._we_closed = False
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._start_request()

    # The loop's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._task = asyncio.get_running_loop().create_task(self._converse())
        self._task.add_done_callback(self._ended)

    def data_received(self, data: bytes) -> None:
        if not self._reads:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # an offer to upgrade that nobody here takes up: the request itself was read
        except httptools.HttpParserError:
            self.hang_up("fin")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._last is not None and not self._we_closed:
            self._last.hung_up()
        self._lost.set()
        if self._task is not None:
            self._task.cancel()
            self._tell_when_gone(self._task)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # The parser's side.

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if any(n.lower() == b"expect" and v.lower() == b"100-continue" for n, v in self._headers):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > _LARGEST_REQUEST:
            self.hang_up("rst")

    def on_message_complete(self) -> None:
        self._last = request = ReceivedRequest(
            method=self._parser.get_method().decode(),
            target=self._target.decode("latin-1"),
            raw_headers=self._headers,
            body=bytes(self._body),
            connection=self._number,
            keep_alive=self._parser.should_keep_alive(),
        )
        self._waiting.put_nowait(request)
        self._start_request()

    def _start_request(self) -> None:
        self._target, self._body = b"", bytearray()
        self._headers: list[tuple[bytes, bytes]] = []

    # Answering.

    async def _converse(self) -> None:
        while True:
            request = await self._waiting.get()
            try:
                async with asyncio.timeout(self._patience):
                    for step in self._answering(request):
                        await self._do(step)
            except TimeoutError:
                self.hang_up("rst")
            if self._transport.is_closing():
                return
            request.answered()
            if not request.keep_alive:
                self.hang_up("fin")

    async def _do(self, step: Step) -> None:
        match step:
            case Send(data):
                await self._send(data)
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Stall():
                await self._goes_on.acquire()
            case Repeat(data, every):
                while True:
                    await self._send(data)
                    await asyncio.sleep(every)
            case HangUp(how):
                self.hang_up(how)

    async def _send(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(data)
        await self._writable.wait()
        # Lets a client in this loop read now, so that the next write is a read of its own.
        await asyncio.sleep(0)

    def hang_up(self, how: Farewell) -> None:
        """End the connection from this side."""
        self._we_closed = True
        if how == "fin":
            self._transport.close()
            return
        connected: socket.socket = self._transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not self._transport.is_closing():  # one that is closing may still have bytes to send
            self.hang_up("rst")
        self._tell_when_gone(task)

    def _tell_when_gone(self, task: asyncio.Task[None]) -> None:
        if task.done() and self._lost.is_set():
            self._gone(self, None if task.cancelled() else task.exception())

    async def aclose(self) -> None:
        """Drop the connection and wait until nothing of it is left."""
        self._we_closed = True
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._lost.wait()
