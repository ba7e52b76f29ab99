"""What a call leaves behind: nothing that waits for the garbage collector."""

import asyncio
import gc
import gzip
import random
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stockyard.upstream.sending import Sending
from tests.upstream.loopback import (
    CHUNKED,
    HELLO,
    OK,
    Heard,
    a_call,
    answering,
    calling,
    heard_from,
    origin_of,
    until,
)

ENDS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "counted": (HELLO, {}),
    "chunked": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", {}),
    "its connection closes": (OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", {}),
    "malformed head": (OK + b"x y\r\n\r\n", {}),
    "malformed body": (CHUNKED + b"5\r\nhello\r\nzz\r\n", {}),
    "malformed encoding": (
        OK + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello",
        {"decompress": True},
    ),
    "unknown encoding": (
        OK + b"content-encoding: zap\r\ncontent-length: 5\r\n\r\nhello",
        {"decompress": True},
    ),
    "too large": (HELLO, {"body_limit": 2}),
}


@contextmanager
def collecting() -> Iterator[list[str]]:
    """The names of our own classes that only the garbage collector could free."""
    found: list[str] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(thing) for thing in gc.garbage]
        found += [kind.__name__ for kind in kinds if kind.__module__.startswith("stockyard.")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("name", ENDS)
async def test_a_call_needs_no_garbage_collector_however_it_ends(name: str) -> None:
    answer, options = ENDS[name]
    async with answering(answer) as server, calling() as client:
        origin = origin_of(client, server.url)
        with collecting() as found:
            for _ in range(3):
                await heard_from(client, a_call(origin, **options))
                await until(lambda: origin.pool.open == len(origin.pool.idle))
            await asyncio.sleep(0)  # a transport lets go of its connection one turn later
        assert found == []


class Pauses(Heard):
    """Holds back whatever follows the first bytes of a body."""

    def __init__(self) -> None:
        super().__init__()
        self.sending: Sending | None = None

    def data(self, piece: bytes) -> None:
        super().data(piece)
        assert self.sending is not None
        self.sending.pause()


ZIPPED = gzip.compress(random.Random(1).randbytes(3000) * 50)
"""More than is handed on at a time."""
BROKEN_LATER = (
    OK
    + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % len(ZIPPED)
    + ZIPPED
    + b"\r\nzz\r\n"
)


@pytest.mark.parametrize("answer", [CHUNKED + b"5\r\nhello\r\n", BROKEN_LATER])
async def test_a_call_that_was_hung_up_needs_no_garbage_collector(answer: bytes) -> None:
    async def hang_up() -> None:
        heard = Pauses()
        heard.sending = client.start(a_call(origin, decompress=True), heard)
        await heard.until(lambda: bool(heard.pieces))
        assert not heard.ends
        heard.sending.cancel()
        heard.sending = None

    async with answering(answer) as server, calling() as client:
        origin = origin_of(client, server.url)
        with collecting() as found:
            await hang_up()
            await until(lambda: origin.pool.open == 0)
            await asyncio.sleep(0)
        assert found == []


async def test_a_connection_at_rest_keeps_nothing_of_its_last_call() -> None:
    async with answering(HELLO) as server, calling() as client:
        origin = origin_of(client, server.url)
        heard, sending = await heard_from(client, a_call(origin))
        assert origin.pool.idle
        receiver = weakref.ref(heard)
        with collecting():
            del heard, sending
            assert receiver() is None
