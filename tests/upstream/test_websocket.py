"""The handshake of a WebSocket with a provider, whatever that one answers."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from stockyard.errors import UpstreamError
from stockyard.upstream.frames import TEXT, Frame, FrameFault, accepting
from stockyard.upstream.websocket import HEAD_LIMIT, HandshakeRefused, WebSocket

HEAD = b"GET /v1/realtime?model=m HTTP/1.1\r\nhost: a\r\n"
AGREED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"

Answer = Callable[[bytes], bytes]


class Heard:
    """A Listener that remembers."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.ended: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    def provider_said(self, frame: Frame) -> None:
        self.frames.append(frame)

    def provider_broke(self, fault: FrameFault) -> None:
        self.ended.set_result(fault.code)

    def provider_left(self) -> None:
        self.ended.set_result("left")

    def provider_slow(self) -> None: ...
    def provider_ready(self) -> None: ...


@asynccontextmanager
async def answered(answer: Answer, *, closes: bool = True) -> AsyncIterator[WebSocket]:
    """A WebSocket to a provider that answers its key so."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(HEAD)
        key = re.search(rb"sec-websocket-key: (\S+)", head)
        assert key is not None
        writer.write(answer(key[1]))
        with suppress(OSError):
            if not closes:
                await reader.read()
            writer.close()
            await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    socket = WebSocket(HEAD, lambda said: said.replace(b"our-secret", b"***"))
    port = server.sockets[0].getsockname()[1]
    await asyncio.get_running_loop().create_connection(lambda: socket, "127.0.0.1", port)
    try:
        async with asyncio.timeout(5):
            await socket.agreed
        yield socket
    finally:
        socket.abort()
        server.close()
        await over.wait()


def agreeing(key: bytes, more: bytes = b"") -> bytes:
    return AGREED + b"sec-websocket-accept: " + accepting(key) + b"\r\n" + more


async def test_frames_that_come_with_the_answer_are_heard() -> None:
    heard = Heard()
    async with answered(lambda key: agreeing(key) + b"\r\n\x81\x02hi") as socket:
        socket.listen(heard)
        async with asyncio.timeout(5):
            assert await heard.ended == "left"
    assert heard.frames == [Frame(TEXT, b"hi")]


async def test_our_secret_is_hidden_where_the_provider_repeats_it() -> None:
    heard = Heard()
    async with answered(lambda key: agreeing(key) + b"\r\n\x81\x0dno our-secret") as socket:
        socket.listen(heard)
        async with asyncio.timeout(5):
            await heard.ended
    assert heard.frames == [Frame(TEXT, b"no ***")]
    refused = b"HTTP/1.1 401 No\r\nx-a: our-secret\r\ncontent-length: 13\r\n\r\nno our-secret"
    with pytest.raises(HandshakeRefused) as raised:
        async with answered(lambda key: refused):
            pass
    assert raised.value.body == b"no ***"
    assert (b"x-a", b"***") in raised.value.fields


async def test_bytes_that_are_no_frame_are_told_with_a_code() -> None:
    heard = Heard()
    async with answered(lambda key: agreeing(key) + b"\r\n\xff\xff", closes=False) as socket:
        socket.listen(heard)
        assert heard.ended.result() == 1002


@pytest.mark.parametrize(
    "answer",
    [
        lambda key: AGREED + b"\r\n",
        lambda key: AGREED + b"sec-websocket-accept: AAAA\r\n\r\n",
        lambda key: agreeing(key, b"sec-websocket-extensions: permessage-deflate\r\n") + b"\r\n",
        lambda key: agreeing(key).replace(b"websocket\r\n", b"h2c\r\n", 1) + b"\r\n",
        lambda key: b"HTTP/1.0 101 x\r\n\r\n",
        lambda key: b"nonsense\r\n\r\n",
        lambda key: AGREED + b"bad name: x\r\n\r\n",
        lambda key: b"HTTP/1.1 101 x\r\nlong: " + b"x" * (HEAD_LIMIT + 100_000),
        lambda key: b"",
        lambda key: AGREED,
    ],
)
async def test_an_answer_that_does_not_agree_to_the_upgrade_is_an_error(answer: Answer) -> None:
    with pytest.raises(UpstreamError) as raised:
        async with answered(answer):
            pass
    assert not isinstance(raised.value, HandshakeRefused)


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b'HTTP/1.1 401 No\r\ncontent-length: 4\r\n\r\n{"a"', 401, b'{"a"'),
        (b"HTTP/1.1 429 No\r\n\r\n", 429, b""),
        (b"HTTP/1.1 302 Found\r\nlocation: http://b/\r\ncontent-length: 0\r\n\r\n", 302, b""),
    ],
)
async def test_a_refusal_comes_with_what_it_says(sent: bytes, status: int, body: bytes) -> None:
    with pytest.raises(HandshakeRefused) as raised:
        async with answered(lambda key: sent):
            pass
    assert (raised.value.status, raised.value.body) == (status, body)
