"""Each answer of a realtime session: limited, counted and refused as a call of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from websockets.asyncio.client import ClientConnection

from stockyard.gateway import relay, session_answers
from stockyard.gateway.session import Session
from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import a_realtime_provider, a_session, closed

ASKS = json.dumps({"type": "response.create", "event_id": "evt_mine"})
CREATED = json.dumps({"type": "response.created", "response": {"id": "resp_1"}})
LARGEST_READ = 256 * 1024
"""What an event loop reads of a connection at once."""
FLOOD_BYTES = 50_000
USAGE = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10}


def done(answer: str = "resp_1") -> str:
    return json.dumps({"type": "response.done", "response": {"id": answer, "usage": USAGE}})


@pytest.fixture
async def provider(yard: Yard) -> AsyncIterator[RealtimeProvider]:
    async with a_realtime_provider(yard) as provider:
        yield provider


async def test_one_that_is_asked_for_is_one_call(yard: Yard, provider: RealtimeProvider) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 9, "concurrent": 1}])
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        assert await upstream.recv() == ASKS
        for message in (CREATED, done()):
            await upstream.send(message)
            assert await client.recv() == message
    assert await yard.ended(2)
    answer, session = [outcome.exchange for outcome in yard.calls]
    assert answer.usage is not None
    assert (answer.usage.prompt, answer.usage.completion) == (20, 10)
    assert (answer.within, answer.status, answer.error) == (session.id, 200, None)
    assert [step.module for step in answer.strip].count("ratelimit") == 2
    assert await yard.quiet()


@pytest.mark.parametrize(
    "asks",
    [
        [ASKS],
        [ASKS[:20], ASKS[20:]],
        ['{"type":"response\\u002ecreate","event_id":"evt_mine"}'],
    ],
)
async def test_one_too_many_is_refused_and_the_session_lives_on(
    yard: Yard, provider: RealtimeProvider, asks: list[str]
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 2, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        assert await upstream.recv() == ASKS
        await client.send(asks)
        told = json.loads(await client.recv())
        assert told["type"] == "error"
        assert told["event_id"].startswith("event_")
        assert told["error"]["code"] == "rate_limit_exceeded"
        assert told["error"]["event_id"] == "evt_mine"
        await client.send("still here")
        assert await upstream.recv() == "still here"
    assert await yard.ended(3)
    refused = yard.calls[0].exchange
    assert (refused.status, refused.refused_by) == (429, "ratelimit")
    assert await yard.quiet()


async def test_tokens_of_answers_count_against_limits(
    yard: Yard, provider: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "tokens": 25, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        await upstream.recv()
        for message in (CREATED, done()):
            await upstream.send(message)
            await client.recv()
        await client.send(ASKS)
        assert json.loads(await client.recv())["error"]["code"] == "rate_limit_exceeded"


async def test_a_call_that_waits_for_room_holds_back_what_comes_behind(
    yard: Yard, provider: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 2, "per_seconds": 1, "burst": 1}]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=5000)
        upstream = await provider.next()
        await client.send(ASKS)
        assert await upstream.recv() == ASKS
        await client.send(ASKS)
        await client.send("behind")
        assert [await upstream.recv(), await upstream.recv()] == [ASKS, "behind"]
    assert await yard.quiet()


async def test_a_session_that_ends_while_one_waits_leaves_nothing(
    yard: Yard, provider: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 1, "per_seconds": 20}]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=30000)
        upstream = await provider.next()
        for _ in range(2):
            await client.send(ASKS)
        assert await upstream.recv() == ASKS
    assert await yard.quiet()
    assert {outcome.exchange.status for outcome in yard.calls} == {101, 499}


async def flooded(client: ClientConnection) -> None:
    while True:
        await client.send(b"z" * FLOOD_BYTES)


async def test_what_comes_behind_one_that_waits_is_bounded(
    yard: Yard, provider: RealtimeProvider
) -> None:
    limits = [{"by": "key", "calls": 1, "per_seconds": 20}]
    async with a_session(yard) as client:
        yard.enable("ratelimit", limits=limits, max_wait_ms=30000)
        await provider.next()
        [session] = [call for call in yard.stockyard.office.running if isinstance(call, Session)]
        relayed = session._relay
        assert relayed is not None
        for _ in range(2):
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


class TestOnesThatTheProviderBegins:
    async def test_they_are_limited_too(self, yard: Yard, provider: RealtimeProvider) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
        async with a_session(yard) as client:
            upstream = await provider.next()
            await upstream.send(CREATED)
            assert await client.recv() == CREATED
            assert json.loads(await client.recv())["error"]["code"] == "rate_limit_exceeded"
            cancelled = {"type": "response.cancel", "response_id": "resp_1"}
            assert json.loads(await upstream.recv()) == cancelled
            await upstream.send(done())
            await client.recv()
        assert await yard.ended(3)
        refused, paid, _ = [outcome.exchange for outcome in yard.calls]
        assert (refused.status, refused.usage) == (429, None)
        assert paid.usage is not None

    async def test_they_are_counted(self, yard: Yard, provider: RealtimeProvider) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 9}])
        async with a_session(yard) as client:
            upstream = await provider.next()
            for message in (CREATED, done()):
                await upstream.send(message)
                await client.recv()
        assert await yard.ended(2)
        assert yard.calls[0].exchange.usage is not None


async def test_one_that_the_provider_refuses_is_over(
    yard: Yard, provider: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        await upstream.recv()
        error = {"type": "error", "error": {"message": "No.", "event_id": "evt_mine"}}
        await upstream.send(json.dumps(error))
        await client.recv()
        assert await yard.ended(1)
        assert str(yard.last.exchange.error) == "No."


async def test_one_that_has_not_ended_is_abandoned_with_the_session(
    yard: Yard, provider: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        await upstream.recv()
    assert await yard.ended(2)
    assert sorted(outcome.exchange.status for outcome in yard.calls) == [101, 499]
    assert await yard.quiet()


async def test_only_so_many_may_be_open(
    yard: Yard, provider: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_answers, "MOST_OPEN", 2)
    async with a_session(yard) as client:
        await provider.next()
        for _ in range(3):
            await client.send(ASKS)
        assert json.loads(await client.recv())["type"] == "error"


async def test_an_error_of_ours_does_not_break_a_message_in_pieces(
    yard: Yard, provider: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await provider.next()
        go_on = asyncio.Event()

        async def pieces() -> AsyncIterator[str]:
            yield "one "
            await go_on.wait()
            yield "two"

        sending = asyncio.create_task(upstream.send(pieces()))
        await asyncio.sleep(0.05)
        await client.send(ASKS)
        await asyncio.sleep(0.05)
        go_on.set()
        await sending
        assert await client.recv() == "one two"
        assert json.loads(await client.recv())["type"] == "error"


class TestDeadlines:
    @pytest.mark.parametrize("name", ["session", "session_idle"])
    async def test_a_session_does_not_last_for_ever(
        self, yard: Yard, provider: RealtimeProvider, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
        yard.set(f"timeout.{name}", "100ms")
        async with a_session(yard) as client:
            upstream = await provider.next()
            code, reason = await closed(client)
            assert (code, f"(timeout.{name})" in reason) == (4408, True)
            assert (await closed(upstream))[0] == 1001
        assert await yard.quiet()

    async def test_who_speaks_is_not_idle(
        self, yard: Yard, provider: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(relay, "TICK_SECONDS", 0.02)
        yard.set("timeout.session_idle", "500ms")
        async with a_session(yard) as client:
            upstream = await provider.next()
            for _ in range(8):
                await client.send("hm")
                assert await upstream.recv() == "hm"
                await asyncio.sleep(0.1)


async def test_pings_of_who_does_not_read_do_not_pile_up(
    yard: Yard, provider: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await provider.next()
        client.transport.pause_reading()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await upstream.send(b"z" * 100_000)
        session = next(iter(yard.stockyard.office.running))
        socket = session._relay._client  # type: ignore[attr-defined]
        before = socket._transport.get_write_buffer_size()
        for _ in range(2000):
            client.transport.write(b"\x89\x84\0\0\0\0ping")
        await asyncio.sleep(0.2)
        assert socket._transport.get_write_buffer_size() <= before
        client.transport.abort()
