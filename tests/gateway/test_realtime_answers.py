"""Each answer of a realtime session: limited, counted and refused as a call of its own."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from stockyard.gateway import own_words, session_answers
from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import ASKS, CREATED, a_session, done, the_relay


async def test_an_answer_that_the_client_asks_for_is_one_call(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 9, "concurrent": 1}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
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
async def test_an_answer_too_many_is_refused_and_the_session_goes_on(
    yard: Yard, realtime: RealtimeProvider, asks: list[str]
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 2, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
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
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "tokens": 25, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await client.send(ASKS)
        await upstream.recv()
        for message in (CREATED, done()):
            await upstream.send(message)
            await client.recv()
        await client.send(ASKS)
        assert json.loads(await client.recv())["error"]["code"] == "rate_limit_exceeded"


class TestAnswersThatTheProviderBegins:
    async def test_answers_that_the_provider_begins_are_limited_too(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
        async with a_session(yard) as client:
            upstream = await realtime.next()
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

    async def test_answers_that_the_provider_begins_are_counted(
        self, yard: Yard, realtime: RealtimeProvider
    ) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 9}])
        async with a_session(yard) as client:
            upstream = await realtime.next()
            for message in (CREATED, done()):
                await upstream.send(message)
                await client.recv()
        assert await yard.ended(2)
        assert yard.calls[0].exchange.usage is not None


async def test_an_answer_that_the_provider_refuses_is_over(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await client.send(ASKS)
        await upstream.recv()
        error = {"type": "error", "error": {"message": "No.", "event_id": "evt_mine"}}
        await upstream.send(json.dumps(error))
        await client.recv()
        assert await yard.ended(1)
        assert str(yard.last.exchange.error) == "No."


async def test_only_so_many_answers_may_be_open(
    yard: Yard, realtime: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_answers, "MOST_OPEN", 2)
    async with a_session(yard) as client:
        await realtime.next()
        for _ in range(3):
            await client.send(ASKS)
        assert json.loads(await client.recv())["type"] == "error"


async def one_two(go_on: asyncio.Event) -> AsyncIterator[str]:
    """A message in two pieces, of which the second waits until it may go on."""
    yield "one "
    await go_on.wait()
    yield "two"


async def midway(yard: Yard) -> None:
    """A message of the provider has begun to pass through the one session."""
    relayed = the_relay(yard)
    assert await becomes(lambda: relayed._to_client._midway)


async def test_an_error_of_ours_does_not_break_a_message_in_pieces(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
        go_on = asyncio.Event()
        sending = asyncio.create_task(upstream.send(one_two(go_on)))
        await midway(yard)
        await client.send(ASKS)
        assert await yard.ended(1)
        go_on.set()
        await sending
        assert await client.recv() == "one two"
        assert json.loads(await client.recv())["type"] == "error"


async def test_only_so_many_errors_of_ours_wait_for_a_message_in_pieces(
    yard: Yard, realtime: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_words, "MOST_WAITING", 3)
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await realtime.next()
        go_on = asyncio.Event()
        sending = asyncio.create_task(upstream.send(one_two(go_on)))
        await midway(yard)
        for _ in range(20):
            await client.send(ASKS)
        assert await yard.ended(20)
        go_on.set()
        await sending
        assert await client.recv() == "one two"
        kinds = [json.loads(await client.recv())["type"] for _ in range(3)]
        await upstream.send("after")
        assert (kinds, await client.recv()) == (["error"] * 3, "after")
