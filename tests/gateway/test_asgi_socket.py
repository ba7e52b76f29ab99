"""A realtime session's client under a foreign server, message by message."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from stockyard.gateway.asgi_socket import AsgiSocket, Message


class Running:
    """A session that is being opened."""

    def __init__(self) -> None:
        self.left = False

    def gone(self) -> None:
        self.left = True

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def shutdown(self) -> None: ...


def saying(*messages: Message) -> Callable[[], Awaitable[Message]]:
    """A server whose client says this, and then nothing."""
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


@pytest.mark.parametrize(
    ("extensions", "told"),
    [
        ((), [{"type": "websocket.close", "code": 1008, "reason": "Refused: 404."}]),
        (
            ("websocket.http.response",),
            [
                {
                    "type": "websocket.http.response.start",
                    "status": 404,
                    "headers": [(b"x-a", b"b"), (b"content-length", b"2")],
                },
                {"type": "websocket.http.response.body", "body": b"no"},
            ],
        ),
    ],
)
async def test_a_refusal_tells_as_much_as_the_server_can(
    extensions: Sequence[str], told: list[dict[str, Any]]
) -> None:
    heard: list[Message] = []

    async def send(message: Message) -> None:
        heard.append(message)

    socket = AsgiSocket(extensions)
    socket.whole(404, b"x-a: b\r\n", b"no")
    await socket.carry(send, saying({"type": "websocket.connect"}), None)
    assert heard == told


async def test_a_client_that_leaves_before_the_session_is_open_ends_its_opening() -> None:
    async def send(message: Message) -> None:
        raise AssertionError

    running = Running()
    left = saying({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006})
    async with asyncio.timeout(5):
        await AsgiSocket(()).carry(send, left, running)
    assert running.left


async def test_a_server_that_finds_the_client_gone_is_not_asked_again() -> None:
    asked = 0

    async def send(message: Message) -> None:
        nonlocal asked
        asked += 1
        raise OSError

    socket = AsgiSocket(("websocket.http.response",))
    socket.whole(404, b"", b"no")
    async with asyncio.timeout(5):
        await socket.carry(send, saying(), None)
    assert asked == 1


async def test_messages_that_are_there_already_are_taken_turn_by_turn() -> None:
    said = [{"type": "websocket.receive", "text": "word"} for _ in range(100)]
    receive = saying(*said, {"type": "websocket.disconnect", "code": 1006})
    taken = 0

    async def counting() -> Message:
        nonlocal taken
        taken += 1
        return await receive()

    async def send(message: Message) -> None:
        raise AssertionError

    carrying = asyncio.create_task(AsgiSocket(()).carry(send, counting, None))
    most = before = 0
    async with asyncio.timeout(5):
        while not carrying.done():
            await asyncio.sleep(0)
            most, before = max(most, taken - before), taken
    assert taken == len(said) + 1
    assert most == 1
