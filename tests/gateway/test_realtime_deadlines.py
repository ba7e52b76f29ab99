"""A realtime session ends when it is too old or idle, or when one side is dead."""

import asyncio

import pytest

from stockyard.gateway import relay, session_clock
from stockyard.testing.yard import Yard
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import a_session, closed


@pytest.mark.parametrize("name", ["session", "session_idle"])
async def test_a_session_that_is_too_old_or_idle_is_closed(
    yard: Yard, realtime: RealtimeProvider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
    yard.set(f"timeout.{name}", "100ms")
    async with a_session(yard) as client:
        upstream = await realtime.next()
        code, reason = await closed(client)
        assert (code, f"(timeout.{name})" in reason) == (4408, True)
        assert (await closed(upstream))[0] == 1001
    assert await yard.quiet()


async def test_a_session_in_which_something_is_said_is_not_idle(
    yard: Yard, realtime: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
    yard.set("timeout.session_idle", "1500ms")
    async with a_session(yard) as client:
        upstream = await realtime.next()
        for _ in range(8):
            await client.send("hm")
            assert await upstream.recv() == "hm"
            await asyncio.sleep(0.25)


async def test_pings_of_either_side_are_answered_by_the_gateway(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard, ping_interval=None) as client:
        upstream = await realtime.next()
        async with asyncio.timeout(5):
            await (await client.ping())
            await (await upstream.ping())


async def test_silent_sides_are_pinged(
    yard: Yard, realtime: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(session_clock, "PING_SECONDS", 0.02)
    async with a_session(yard, ping_interval=None) as client:
        upstream = await realtime.next()
        await asyncio.sleep(0.2)
        await client.send("still here")
        assert await upstream.recv() == "still here"


async def test_a_side_that_falls_silent_ends_the_session(
    yard: Yard, realtime: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(session_clock, "DEAD_SECONDS", 0.05)
    async with a_session(yard, ping_interval=None) as client:
        await realtime.next()
        assert await closed(client) == (1011, "The other side fell silent.")
