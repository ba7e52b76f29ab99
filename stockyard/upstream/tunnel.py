"""Open a tunnel to a provider through a proxy (CONNECT), before TLS starts inside it."""

import asyncio
from typing import cast

from stockyard.errors import UpstreamError
from stockyard.upstream.answer import AnswerParser
from stockyard.upstream.proxy import Proxy
from stockyard.upstream.url import Url

_HEAD_LIMIT = 16 * 1024


def connect_head(url: Url, proxy: Proxy) -> bytes:
    place = f"{url.bracketed}:{url.port}".encode()
    lines = [b"CONNECT %b HTTP/1.1" % place, b"host: " + place]
    if proxy.authorization is not None:
        lines.append(b"proxy-authorization: " + proxy.authorization)
    return b"\r\n".join(lines) + b"\r\n\r\n"


class Tunnel(asyncio.Protocol):
    """Talks to the proxy until `agreed` is done, or fails with an UpstreamError."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._parser = AnswerParser()
        self._parser.begin(bodiless=True, head_limit=_HEAD_LIMIT)
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Retrieve an error, in case nobody waits for it any more.
        self.agreed.add_done_callback(lambda done: done.cancelled() or done.exception())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop has classes of its own
        self.transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        if self.agreed.done():
            return
        try:
            self._parser.feed(data)
        except UpstreamError:
            self._refuse("The proxy's answer is not HTTP.")
            return
        if not self._parser.complete:
            return
        if not 200 <= self._parser.status < 300:
            self._refuse(f"The proxy refused the connection with status {self._parser.status}.")
        elif self._parser.left_over:
            self._refuse("The proxy spoke before the provider could.")
        else:
            self.agreed.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._refuse("The proxy closed the connection.")

    def _refuse(self, message: str) -> None:
        if not self.agreed.done():
            self.agreed.set_exception(UpstreamError("unreachable", message, nothing_sent=True))
