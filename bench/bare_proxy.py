"""The yardstick: the least that an HTTP hop can cost in Python. Never a gateway.

    python -m bench.bare_proxy PORT UPSTREAM_PORT

Each request is read whole, given a new head, and sent on a pooled connection; the answer's bytes
go back as they come, looked at only for their end. No JSON, no keys, no deadlines, no limits.
"""

import asyncio
import gc
import sys
from typing import cast

import httptools
import uvloop

_REPLACED = (b"host", b"content-length", b"connection")


class Proxy:
    """The pool of connections to the provider."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._free: list[Outward] = []
        self._dialling: set[asyncio.Task[None]] = set()

    def send(self, request: bytes, caller: "Inward") -> None:
        if self._free:
            self._free.pop().send(request, caller)
            return
        task = asyncio.get_running_loop().create_task(self._dial(request, caller))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    def release(self, outward: "Outward") -> None:
        self._free.append(outward)

    def forget(self, outward: "Outward") -> None:
        if outward in self._free:
            self._free.remove(outward)

    async def _dial(self, request: bytes, caller: "Inward") -> None:
        loop = asyncio.get_running_loop()
        try:
            _, outward = await loop.create_connection(
                lambda: Outward(self), "127.0.0.1", self._upstream
            )
        except OSError:
            caller.transport.close()
            return
        outward.send(request, caller)


class Outward(asyncio.Protocol):
    """A connection to the provider."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._caller: Inward | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def send(self, request: bytes, caller: "Inward") -> None:
        self._caller, caller.outward = caller, self
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._caller is not None:
            self._caller.transport.write(data)
            self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._caller is not None:
            self._caller.outward = None
            self._caller = None
        self._proxy.release(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._proxy.forget(self)
        if self._caller is not None:
            self._caller.transport.close()

    def hang_up(self) -> None:
        self._caller = None
        self._transport.close()


class Inward(asyncio.Protocol):
    """A connection from a caller."""

    def __init__(self, proxy: Proxy) -> None:
        self.outward: Outward | None = None
        self._proxy = proxy
        self._parser = httptools.HttpRequestParser(self)
        self._url, self._headers, self._body = b"", list[bytes](), b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.outward is not None:
            self.outward.hang_up()

    def on_url(self, url: bytes) -> None:
        self._url, self._headers, self._body = url, [], b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() not in _REPLACED:
            self._headers.append(name + b": " + value)

    def on_body(self, body: bytes) -> None:
        self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        start = b"%b %b HTTP/1.1" % (self._parser.get_method(), self._url)
        length = b"content-length: %d" % len(self._body)
        lines = [start, b"host: 127.0.0.1", *self._headers, length, b"", self._body]
        self._proxy.send(b"\r\n".join(lines), self)


async def serve(port: int, upstream: int) -> None:
    loop = asyncio.get_running_loop()
    proxy = Proxy(upstream)
    server = await loop.create_server(lambda: Inward(proxy), "127.0.0.1", port, backlog=4096)
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
