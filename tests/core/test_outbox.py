"""What is written in one turn of the loop leaves at its end, whole and in order."""

import asyncio
import socket
import time

import pytest
import uvloop

from stockyard.core.outbox import (
    MOST_BYTES,
    MOST_OUTLETS,
    MOST_PIECES,
    Outbox,
    Outlet,
)


async def pair(outbox: Outbox) -> tuple[Outlet, asyncio.Transport, socket.socket]:
    """An Outlet over a real socket, and the other end, which is read without waiting."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    return Outlet(transport, outbox), transport, theirs


def arrived(theirs: socket.socket) -> bytes:
    try:
        return theirs.recv(1 << 20)
    except BlockingIOError:
        return b""


async def test_pieces_wait_for_the_end_of_the_turn_and_keep_their_order() -> None:
    outlet, transport, theirs = await pair(Outbox())
    for piece in (b"one ", b"two ", b"three"):
        outlet.put(piece)
    assert arrived(theirs) == b""
    await asyncio.sleep(0)
    assert arrived(theirs) == b"one two three"
    assert outlet.empty
    transport.abort()
    theirs.close()


async def test_what_is_put_later_leaves_later() -> None:
    outlet, transport, theirs = await pair(Outbox())
    for piece in (b"first", b"second"):
        outlet.put(piece)
        await asyncio.sleep(0)
        assert arrived(theirs) == piece
    transport.abort()
    theirs.close()


async def test_nothing_waits_once_many_connections_do() -> None:
    outbox = Outbox(60.0)
    pairs = [await pair(outbox) for _ in range(MOST_OUTLETS)]
    for outlet, _, _ in pairs:
        outlet.put(b"x")
    assert [arrived(theirs) for _, _, theirs in pairs] == [b"x"] * MOST_OUTLETS
    await asyncio.sleep(0)
    assert [arrived(theirs) for _, _, theirs in pairs] == [b""] * MOST_OUTLETS
    for _, transport, theirs in pairs:
        transport.abort()
        theirs.close()


async def test_nothing_waits_for_long_work() -> None:
    outbox = Outbox(0.001)
    pairs = [await pair(outbox) for _ in range(2)]
    pairs[0][0].put(b"x")
    time.sleep(0.002)  # noqa: ASYNC251  the work of somebody else in this turn
    pairs[1][0].put(b"y")
    assert [arrived(theirs) for _, _, theirs in pairs] == [b"x", b"y"]
    for _, transport, theirs in pairs:
        transport.abort()
        theirs.close()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"x"] * MOST_PIECES,
        [b"a", b"x" * MOST_BYTES],
        [b"x" * (MOST_BYTES // 2)] * 2,
        [b"x" * MOST_BYTES],
    ],
)
async def test_what_waits_for_one_connection_is_bounded(pieces: list[bytes]) -> None:
    outlet, transport, theirs = await pair(Outbox())
    for piece in pieces:
        outlet.put(piece)
    assert outlet.empty
    assert arrived(theirs) == b"".join(pieces)
    transport.abort()
    theirs.close()


async def test_dropped_pieces_never_leave() -> None:
    outlet, transport, theirs = await pair(Outbox())
    outlet.put(b"secret")
    outlet.drop()
    await asyncio.sleep(0)
    assert arrived(theirs) == b""
    transport.abort()
    theirs.close()


async def test_a_connection_that_was_lost_meanwhile_does_not_keep_the_others_waiting() -> None:
    outbox = Outbox()
    lost, lost_transport, lost_end = await pair(outbox)
    outlet, transport, theirs = await pair(outbox)
    lost.put(b"to nobody")
    outlet.put(b"to somebody")
    lost_end.close()
    lost_transport.abort()
    await asyncio.sleep(0)
    assert arrived(theirs) == b"to somebody"
    transport.abort()
    theirs.close()


@pytest.mark.parametrize("size", [1, MOST_BYTES])
def test_what_is_for_a_lost_connection_disturbs_nobody_on_any_loop(size: int) -> None:
    async def disturb() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(str(context)))
        outbox = Outbox(0.0)
        lost, lost_transport, lost_end = await pair(outbox)
        outlet, transport, theirs = await pair(outbox)
        lost_end.close()
        lost_transport.abort()
        await asyncio.sleep(0.01)
        lost.put(b"x" * size)
        outlet.put(b"to somebody")
        await asyncio.sleep(0.01)
        found = arrived(theirs)
        transport.abort()
        theirs.close()
        return found

    told: list[str] = []
    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(disturb()) == b"to somebody"
    assert told == []


class Broken(asyncio.Transport):
    def is_closing(self) -> bool:
        return False

    def write(self, data: object) -> None:
        raise RuntimeError("Cannot call write() after write_eof()")


async def test_a_transport_that_raises_does_not_keep_the_others_waiting() -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))
    outbox = Outbox()
    broken = Outlet(Broken(), outbox)
    outlet, transport, theirs = await pair(outbox)
    broken.put(b"to nobody")
    outlet.put(b"to somebody")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert arrived(theirs) == b"to somebody"
    assert len(told) == 1
    transport.abort()
    theirs.close()
