"""Realtime sessions of a client that says much at once: others have their turn in between."""

import asyncio
from collections.abc import Callable

from stockyard.gateway.relay import MOST_AT_ONCE
from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import ASKS, a_session, a_text, the_relay

FRAMES = 1000


async def most_in_a_turn(count: Callable[[], int]) -> int:
    """How far something counts at most in one turn of the event loop, until this is cancelled."""
    most, before = 0, count()
    try:
        while True:
            await asyncio.sleep(0)
            most, before = max(most, count() - before), count()
    except asyncio.CancelledError:
        return most


async def test_the_answers_it_asks_for_are_judged_over_many_turns(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
        watch = asyncio.create_task(most_in_a_turn(lambda: len(yard.calls)))
        client.transport.write(a_text(ASKS) * FRAMES + a_text("behind"))
        assert await upstream.recv() == "behind"
        watch.cancel()
        # What comes while some of it is still to be taken is begun in the same turn.
        assert 0 < await watch <= 2 * MOST_AT_ONCE
        client.transport.abort()
    assert await yard.ended(FRAMES + 1)
    assert await yard.quiet()


async def test_what_came_behind_a_call_that_waited_goes_on_in_order(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 2, "per_seconds": 1, "burst": 1}]
    said = [f"word {number}" for number in range(FRAMES)]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=5000)
        upstream = await realtime.next()
        relayed = the_relay(yard)
        for _ in range(2):
            await client.send(ASKS)
        assert await upstream.recv() == ASKS
        for word in said:
            await client.send(word)
        assert await becomes(lambda: len(relayed._behind) == FRAMES, within=5)
        watch = asyncio.create_task(most_in_a_turn(lambda: -len(relayed._behind)))
        assert await upstream.recv() == ASKS
        await client.send("the end")
        assert [await upstream.recv() for _ in said] == said
        assert await upstream.recv() == "the end"
        watch.cancel()
        assert 0 < await watch <= MOST_AT_ONCE
    assert await yard.quiet()


async def test_a_broken_frame_behind_many_good_ones_ends_the_session(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
        client.transport.write(a_text("word") * (3 * MOST_AT_ONCE) + b"\xff\xff")
        async with asyncio.timeout(10):
            await client.wait_closed()
        assert client.close_code == 1002
        assert [await upstream.recv() for _ in range(3 * MOST_AT_ONCE)]
    assert await yard.quiet()


async def test_a_client_that_leaves_with_much_unread_leaves_nothing(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        await realtime.next()
        client.transport.write(a_text(ASKS) * FRAMES)
        client.transport.abort()
    assert await yard.quiet()
    assert await becomes(lambda: not yard.stockyard.front.lanes)
