"""A client on a bare socket: it sends any bytes and keeps every read separate."""

import asyncio
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httptools
import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_READ = 65536


class Reply:
    """What an HTTP parser makes of the bytes of one answer, complete or not; 1xx are left out."""

    def __init__(self, wire: bytes) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []
        """The chunks of the body, or all of it."""
        self.complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(wire)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def header(self, name: str) -> str | None:
        return next((value for n, value in self.headers if n == name.lower()), None)

    def on_message_begin(self) -> None:
        self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.complete = self.status >= 200


class RawClient:
    """One connection. Reads are kept until the next `answer`; each waits `patience` seconds."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float
    ) -> None:
        self.reads: list[bytes] = []
        self.reset = False
        """Whether the other side reset the connection."""
        self._reader, self._writer, self._patience = reader, writer, patience

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str, *, patience: float = 20.0) -> "AsyncIterator[Self]":
        """Connect to the host and port of a URL."""
        host = urlsplit(url)
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        client = cls(reader, writer, patience)
        try:
            yield client
        finally:
            await client.aclose()

    @property
    def wire(self) -> bytes:
        """Everything read so far."""
        return b"".join(self.reads)

    @property
    def reply(self) -> Reply:
        return Reply(self.wire)

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    def ask(
        self, path: str, body: object = b"", *, headers: Mapping[str, str] | None = None
    ) -> None:
        """POST bytes, or anything else as JSON."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        fields = {"host": "localhost", "content-type": "application/json", **(headers or {})}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
        lines += [f"content-length: {len(data)}", "", ""]
        self.send("\r\n".join(lines).encode() + data)

    async def read(self) -> bytes:
        """One read; empty when the other side is done with this connection."""
        try:
            data = await asyncio.wait_for(self._reader.read(_READ), self._patience)
        except ConnectionResetError:
            self.reset, data = True, b""
        self.reads += [data] if data else []
        return data

    async def answer(self) -> Reply:
        """Forget what was read; read the next answer until it is complete."""
        self.reads.clear()
        while not self.reads or not self.reply.complete:
            if not await self.read():
                raise ConnectionError(f"The answer ends early: {self.wire!r}")
        return self.reply

    async def until(self, what: bytes) -> bytes:
        """Read until these bytes have come."""
        while what not in self.wire:
            if not await self.read():
                raise ConnectionError(f"{what!r} never came; there was {self.wire!r}")
        return self.wire

    async def until_quiet(self, seconds: float = 0.05) -> bytes:
        """Read until nothing comes for a while, or nothing can come any more."""
        while True:
            try:
                data = await asyncio.wait_for(self._reader.read(_READ), seconds)
            except TimeoutError:
                return self.wire
            if not data:
                return self.wire
            self.reads.append(data)

    async def to_the_end(self) -> bytes:
        """Read until the other side closes."""
        while await self.read():
            pass
        return self.wire

    async def aclose(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            pass  # reset by the other side, which `reset` may tell or not: we did not read on
