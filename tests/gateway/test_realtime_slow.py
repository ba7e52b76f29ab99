"""Realtime sessions of a client that does not read: nothing piles up, nothing stays for ever."""

import asyncio
from typing import cast

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from stockyard.gateway import own_words
from stockyard.gateway.lane_socket import LaneSocket
from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import ASKS, a_session, a_text, the_relay

PING = b"\x89\x84\0\0\0\0ping"


def client_of(yard: Yard) -> LaneSocket:
    """The gateway's end of the one session's connection to its client."""
    return cast(LaneSocket, the_relay(yard)._client)


async def flooded(upstream: ServerConnection) -> None:
    while True:
        await upstream.send(b"z" * 100_000)


async def stopped(yard: Yard, upstream: ServerConnection, client: ClientConnection) -> LaneSocket:
    """The client reads no more, and all that holds anything for it is full."""
    client.transport.pause_reading()
    socket = client_of(yard)
    flood = asyncio.create_task(flooded(upstream))
    assert await becomes(lambda: socket._relay._to_client.slow, within=10)
    flood.cancel()
    return socket


async def test_pings_of_a_client_that_does_not_read_are_not_answered(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        socket = await stopped(yard, await realtime.next(), client)
        before = socket._transport.get_write_buffer_size()
        client.transport.write(PING * 2000 + a_text("behind"))
        clock = socket._relay._clock
        assert await becomes(lambda: clock._spoken_at == clock._heard_at)
        assert socket._transport.get_write_buffer_size() <= before
        client.transport.abort()


async def test_only_so_many_errors_wait_for_a_client_that_does_not_read(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
        socket = await stopped(yard, upstream, client)
        before = socket._transport.get_write_buffer_size()
        client.transport.write(a_text(ASKS) * 500)
        assert await yard.ended(500, within=10)
        assert socket._transport.get_write_buffer_size() <= before
        client.transport.resume_reading()
        errors = 0
        await upstream.send("the end")
        async with asyncio.timeout(10):
            while (message := await client.recv()) != "the end":
                errors += isinstance(message, str)
        assert 0 < errors <= own_words.MOST_WAITING


async def test_what_a_client_leaves_unread_at_the_end_is_not_kept(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.set("http.write_stall", "100ms")
    async with a_session(yard) as client:
        upstream = await realtime.next()
        client.transport.pause_reading()
        transport = client_of(yard)._transport
        async with asyncio.timeout(10):
            while not transport.get_write_buffer_size():
                # Little enough that nobody is slow yet.
                await upstream.send(b"z" * 10_000)
                await asyncio.sleep(0.001)
        await upstream.close()
        assert await yard.quiet()
        assert await becomes(lambda: not yard.stockyard.front.lanes, within=10)
        client.transport.abort()
