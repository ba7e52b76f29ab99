"""Clients that leave a realtime session: the answer under way is stopped, and counted."""

import asyncio
import json

import pytest

from stockyard.testing.yard import Yard, becomes
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import ASKS, a_session, begins_an_answer, done, the_relay


async def test_an_answer_that_has_not_begun_is_abandoned_with_the_session(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await client.send(ASKS)
        await upstream.recv()
    assert await yard.ended(2)
    assert sorted(outcome.exchange.status for outcome in yard.calls) == [101, 499]
    assert await yard.quiet()


@pytest.mark.parametrize("leaves", ["with a close", "at once", "by breaking the protocol"])
async def test_an_answer_that_the_client_does_not_wait_for_is_stopped_and_counted(
    yard: Yard, realtime: RealtimeProvider, leaves: str
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await begins_an_answer(client, upstream)
        if leaves == "with a close":
            asyncio.get_running_loop().create_task(client.close())
        elif leaves == "at once":
            client.transport.abort()
        else:
            client.transport.write(b"\xff\xff")
        stops = json.loads(await upstream.recv())
        assert stops == {"type": "response.cancel", "response_id": "resp_1"}
        await upstream.send(done())
        await upstream.wait_closed()
    assert await yard.ended(2)
    answer = next(call for call in yard.calls if call.exchange.within)
    assert answer.usage is not None
    assert (answer.usage.prompt, answer.usage.completion) == (20, 10)
    assert await yard.quiet()


async def test_an_answer_that_nothing_can_stop_is_waited_for_a_moment(yard: Yard) -> None:
    provider = RealtimeProvider()
    path = "/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    speaks = {"serverContent": {"modelTurn": {"parts": [{"text": "hi"}]}}}
    over = {
        "serverContent": {"turnComplete": True},
        "usageMetadata": {"promptTokenCount": 20, "responseTokenCount": 10, "totalTokenCount": 30},
    }
    async with provider.listening() as url:
        yard.provider("gemini", base_url=url.replace("/v1", "/v1beta"))
        async with a_session(yard, path) as client:
            upstream = await provider.next()
            await upstream.send(json.dumps(speaks))
            await client.recv()
            client.transport.abort()
            relayed = the_relay(yard)
            assert await becomes(lambda: relayed._left)
            await upstream.send(json.dumps(over))
            await upstream.wait_closed()
        assert await yard.ended(2)
        answer = next(call for call in yard.calls if call.exchange.within)
        assert answer.usage is not None
        assert (answer.usage.prompt, answer.usage.completion) == (20, 10)
        assert await yard.quiet()


async def test_a_provider_that_does_not_report_usage_is_not_waited_for_long(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await begins_an_answer(client, upstream)
    assert await yard.ended(2)
    assert sorted(call.exchange.status for call in yard.calls) == [101, 499]
    assert await yard.quiet()
