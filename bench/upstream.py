"""The pretend provider: answers chat completions and messages as each prompt orders.

    python -m bench.upstream PORT [--lie swapped|dropped|unfinished] [--every N]

It lies on demand, to prove that the bench notices.
"""

import argparse
import asyncio
import gc
from typing import Literal, cast

import httptools
import uvloop

from bench import answers
from bench.answers import Format, Prepared
from bench.order import NONCE, Order, order_in

Lie = Literal["swapped", "dropped", "unfinished"]
"""Another call's nonce, a token missing, no terminator."""

_LIES: tuple[Lie, ...] = ("swapped", "dropped", "unfinished")
_CUT = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 14\r\n\r\nno whole order"


class Upstream(asyncio.Protocol):
    """One connection; calls come one after the other."""

    def __init__(self, lie: Lie | None, every: int) -> None:
        self._lie, self._every, self._calls = lie, every, 0
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._url, self._body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        found = order_in(body)
        if found is None:
            self._transport.write(_CUT)
            return
        nonce, order = found
        kind: Format = "chat" if self._url.endswith(b"/chat/completions") else "messages"
        streamed = b'"stream":true' in body or b'"stream": true' in body
        if streamed:
            answer = answers.stream(kind, order.tokens, usage=b"include_usage" in body)
        else:
            answer = answers.whole(kind, order.size)
        self._calls += 1
        if self._lie is not None and self._calls % self._every == 0:
            nonce, answer = _bent(self._lie, nonce, answer)
        if order.wait_ms:
            due = self._loop.time() + order.wait_ms / 1000
            self._loop.call_at(due, self._begin, nonce, answer, order, due)
        else:
            self._begin(nonce, answer, order, 0.0)

    def _begin(self, nonce: bytes, answer: Prepared, order: Order, due: float) -> None:
        self._transport.write(answer.filled(nonce))
        if not answer.end:
            return
        if order.gap_ms:
            due = (due or self._loop.time()) + order.gap_ms / 1000
            self._loop.call_at(due, self._token, 0, answer, order.gap_ms / 1000, due)
        else:
            # The first event left in a write of its own, so that its time has a meaning.
            self._transport.write(b"".join(answer.tokens) + answer.end)

    def _token(self, number: int, answer: Prepared, gap: float, due: float) -> None:
        if self._transport.is_closing():
            return
        if number == len(answer.tokens):
            self._transport.write(answer.end)
            return
        self._transport.write(answer.tokens[number])
        # Counted from when this token was due, so that lateness does not add up.
        self._loop.call_at(due + gap, self._token, number + 1, answer, gap, due + gap)


def _bent(lie: Lie, nonce: bytes, answer: Prepared) -> tuple[bytes, Prepared]:
    if lie == "swapped":
        return NONCE, answer
    if lie == "dropped":
        return nonce, Prepared(answer.before, answer.after, answer.tokens[1:], answer.end)
    return nonce, Prepared(answer.before, answer.after, answer.tokens, b"0\r\n\r\n")


async def serve(port: int, lie: Lie | None, every: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Upstream(lie, every), "127.0.0.1", port, backlog=4096)
    gc.freeze()
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, help="0 for any; it is printed")
    parser.add_argument("--lie", choices=_LIES)
    parser.add_argument("--every", type=int, default=100, help="the lie hits each n-th call")
    given = parser.parse_args()
    uvloop.run(serve(given.port, given.lie, given.every))
