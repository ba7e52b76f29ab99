"""Answers of a realtime session that wait for room under a limit, and what comes behind them."""

import asyncio
import json

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from stockyard.gateway import relay
from stockyard.gateway.session import Session
from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import ASKS, LARGEST_READ, a_session, done, the_relay, the_session

FLOOD_BYTES = 50_000


async def test_a_call_that_waits_for_room_holds_back_what_comes_behind(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 2, "per_seconds": 1, "burst": 1}]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=5000)
        upstream = await realtime.next()
        await client.send(ASKS)
        assert await upstream.recv() == ASKS
        await client.send(ASKS)
        await client.send("behind")
        assert [await upstream.recv(), await upstream.recv()] == [ASKS, "behind"]
    assert await yard.quiet()


async def test_what_comes_behind_a_call_that_waits_is_bounded(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 1, "per_seconds": 20}]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=30000)
        upstream = await realtime.next()
        session, relayed = the_session(yard), the_relay(yard)
        await client.send(ASKS)
        assert await upstream.recv() == ASKS
        await client.send(ASKS)
        flood = asyncio.create_task(flooded(client))
        assert await becomes(lambda: relayed._behind_bytes > relay.MOST_BEHIND, within=5)
        held = relayed._behind_bytes
        # What was read together with the message that filled it may come as well.
        assert held < relay.MOST_BEHIND + LARGEST_READ + FLOOD_BYTES
        await asyncio.sleep(0.1)
        assert relayed._behind_bytes == held
        assert not flood.done()
        flood.cancel()
        session.shutdown()
        client.transport.abort()
    assert await yard.quiet(within=5)


async def flooded(client: ClientConnection) -> None:
    while True:
        await client.send(b"z" * FLOOD_BYTES)


async def test_an_answer_that_ends_while_it_waits_is_one_call(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        session, upstream = await one_of_two_waits(yard, realtime, client, 2)
        await upstream.send(done("resp_2"))
        await upstream.send(done("resp_1"))
        assert await yard.ended(1)
        assert session._answers._judging
        assert await yard.ended(2, within=5)
    assert await yard.ended(3)
    assert await yard.quiet()
    calls = [outcome.exchange for outcome in yard.calls]
    assert len({x.id for x in calls}) == 3
    assert [x.usage is not None for x in calls] == [True, True, False]
    assert not any(x.charges for x in calls)


async def test_an_answer_that_waits_when_the_session_ends_is_one_call(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        await one_of_two_waits(yard, realtime, client, 20)
    assert await yard.ended(3)
    assert await yard.quiet()
    assert len({outcome.exchange.id for outcome in yard.calls}) == len(yard.calls) == 3


async def test_a_session_that_ends_while_a_call_waits_leaves_nothing(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 1, "per_seconds": 20}]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=30000)
        upstream = await realtime.next()
        for _ in range(2):
            await client.send(ASKS)
        assert await upstream.recv() == ASKS
    assert await yard.quiet()
    assert {outcome.exchange.status for outcome in yard.calls} == {101, 499}


async def one_of_two_waits(
    yard: Yard, realtime: RealtimeProvider, client: ClientConnection, seconds: int
) -> tuple[Session, ServerConnection]:
    """A session in which the provider has begun two answers, and one waits so long for room."""
    limits = [{"by": "key", "calls": 1, "per_seconds": seconds}]
    yard.enable("ratelimit", limits=limits, max_wait_ms=30000)
    upstream = await realtime.next()
    session = the_session(yard)
    for answer in ("resp_1", "resp_2"):
        await upstream.send(json.dumps({"type": "response.created", "response": {"id": answer}}))
        await client.recv()
    judging = session._answers._judging
    assert await becomes(lambda: len(judging) == 1)
    return session, upstream
