"""Each answer of a realtime session: limited, counted and refused as a call of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.money import Usage
from stockyard.errors import Refused
from stockyard.gateway import own_words, relay, session_answers
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


class TooLate(Module[ModuleConfig]):
    """Refuses what has happened already."""

    name = "too_late"
    category = "safety"
    stage = Stage.INSPECT
    handles = frozenset({"realtime"})

    def on_request(self, x: Exchange) -> None:
        if x.usage is not None:
            raise Refused(400, "content_blocked", "Not this.")


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
        upstream = await provider.next()
        [session] = [call for call in yard.stockyard.office.running if isinstance(call, Session)]
        relayed = session._relay
        assert relayed is not None
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


async def one_waits(
    yard: Yard, provider: RealtimeProvider, client: ClientConnection, seconds: int
) -> tuple[Session, ServerConnection]:
    """A session in which the provider has begun two answers, and one waits so long for room."""
    limits = [{"by": "key", "calls": 1, "per_seconds": seconds}]
    yard.enable("ratelimit", limits=limits, max_wait_ms=30000)
    upstream = await provider.next()
    [session] = [call for call in yard.stockyard.office.running if isinstance(call, Session)]
    for answer in ("resp_1", "resp_2"):
        await upstream.send(json.dumps({"type": "response.created", "response": {"id": answer}}))
        await client.recv()
    judging = session._answers._judging
    assert await becomes(lambda: len(judging) == 1)
    return session, upstream


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

    async def test_one_that_ends_while_it_waits_is_one_call(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            session, upstream = await one_waits(yard, provider, client, 2)
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

    async def test_one_that_waits_when_the_session_ends_is_one_call(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            await one_waits(yard, provider, client, 20)
        assert await yard.ended(3)
        assert await yard.quiet()
        assert len({outcome.exchange.id for outcome in yard.calls}) == len(yard.calls) == 3

    async def test_they_are_counted(self, yard: Yard, provider: RealtimeProvider) -> None:
        yard.enable("ratelimit", limits=[{"by": "key", "calls": 9}])
        async with a_session(yard) as client:
            upstream = await provider.next()
            for message in (CREATED, done()):
                await upstream.send(message)
                await client.recv()
        assert await yard.ended(2)
        assert yard.calls[0].exchange.usage is not None


WORDS = "conversation.item.input_audio_transcription.completed"
TOKENS = {
    "type": "tokens",
    "total_tokens": 26,
    "input_tokens": 17,
    "input_token_details": {"text_tokens": 0, "audio_tokens": 17},
    "output_tokens": 9,
}


def hears(model: str) -> dict[str, Any]:
    session = {"type": "realtime", "audio": {"input": {"transcription": {"model": model}}}}
    return {"type": "session.updated", "session": session}


class TestWhatTheCallerSays:
    @pytest.mark.parametrize(
        ("session", "usage", "model", "counted"),
        [
            (
                hears("gpt-4o-transcribe"),
                TOKENS,
                "gpt-4o-transcribe",
                Usage(in_fresh=17, in_audio=17, out_text=9),
            ),
            (
                {
                    "type": "transcription_session.created",
                    "session": {"input_audio_transcription": {"model": "whisper-1"}},
                },
                {"type": "duration", "seconds": 3.4},
                "whisper-1",
                Usage(units={"second": 4}),
            ),
            (hears("whisper-1"), None, "whisper-1", None),
            ({"type": "session.updated", "session": {"audio": None}}, TOKENS, "", None),
        ],
    )
    async def test_is_counted_for_the_model_that_writes_it_down(
        self,
        yard: Yard,
        provider: RealtimeProvider,
        session: dict[str, Any],
        usage: dict[str, Any] | None,
        model: str,
        counted: Usage | None,
    ) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            said = {"type": WORDS, "item_id": "item_1", "transcript": "Hi.", "usage": usage}
            for message in (session, said):
                await upstream.send(json.dumps(message))
                assert json.loads(await client.recv()) == message
        assert await yard.ended(2)
        heard, whole = [outcome.exchange for outcome in yard.calls]
        assert heard.target is not None
        assert heard.target.name == f"openai/{model}"
        assert heard.within == whole.id
        if model:
            assert heard.usage == counted

    @pytest.mark.parametrize("max_wait_ms", [0, 50])
    async def test_uses_up_tokens_and_no_calls(
        self, yard: Yard, provider: RealtimeProvider, max_wait_ms: int
    ) -> None:
        limits = [{"by": "key", "calls": 3, "tokens": 50, "per_seconds": 3600}]
        yard.enable("ratelimit", limits=limits, max_wait_ms=max_wait_ms)
        said = {"type": WORDS, "item_id": "item_1", "transcript": "Hi.", "usage": TOKENS}
        async with a_session(yard) as client:
            upstream = await provider.next()
            await upstream.send(json.dumps(hears("gpt-4o-transcribe")))
            await client.recv()
            for room_left in (True, False):
                await upstream.send(json.dumps(said))
                assert json.loads(await client.recv()) == said, "it is written down already"
                await client.send(ASKS)
                if room_left:
                    assert await upstream.recv() == ASKS
            refused = json.loads(await client.recv())["error"]
            assert refused["code"] == "rate_limit_exceeded"
            assert "tokens" in refused["message"]
        assert await yard.quiet()
        assert sum(o.exchange.usage is not None for o in yard.calls) == 2

    async def test_is_counted_and_nobody_s_error_although_a_module_refuses_it(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        yard.add(TooLate)
        said = {"type": WORDS, "item_id": "item_1", "transcript": "Hi.", "usage": TOKENS}
        async with a_session(yard) as client:
            upstream = await provider.next()
            await upstream.send(json.dumps(said))
            assert json.loads(await client.recv()) == said
            await upstream.send(CREATED)
            assert await client.recv() == CREATED, "and no error of ours"
        assert await yard.ended(3)
        counted = next(call for call in yard.calls if call.usage is not None)
        assert counted.status == 200

    async def test_and_is_asked_for_no_more_is_not_counted_for_an_answer(
        self, yard: Yard, provider: RealtimeProvider
    ) -> None:
        async with a_session(yard) as client:
            upstream = await provider.next()
            off = {"type": "session.updated", "session": {"audio": {"input": {}}}}
            for message in (hears("whisper-1"), off, json.loads(CREATED), json.loads(done())):
                await upstream.send(json.dumps(message))
                await client.recv()
        assert await yard.ended(2)
        answer = yard.calls[0].exchange
        assert answer.target is not None
        assert answer.target.model == "gpt-realtime"


async def test_sound_that_was_cached_is_told_from_sound_that_was_not(
    yard: Yard, provider: RealtimeProvider
) -> None:
    details = {"text_tokens": 2, "audio_tokens": 4}
    usage = {
        **USAGE,
        "input_token_details": {
            "text_tokens": 5,
            "audio_tokens": 15,
            "cached_tokens": 6,
            "cached_tokens_details": details,
        },
    }
    async with a_session(yard) as client:
        upstream = await provider.next()
        ended = {"type": "response.done", "response": {"id": "resp_1", "usage": usage}}
        await upstream.send(json.dumps(ended))
        await client.recv()
    assert await yard.ended(2)
    counted = yard.calls[0].exchange.usage
    assert counted == Usage(in_fresh=14, in_cached=6, in_audio=15, in_cached_audio=4, out_text=10)


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


@pytest.mark.parametrize("leaves", ["with a close", "at once", "by breaking the protocol"])
async def test_one_that_the_client_did_not_wait_for_is_ended_and_counted(
    yard: Yard, provider: RealtimeProvider, leaves: str
) -> None:
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        await upstream.recv()
        await upstream.send(CREATED)
        await client.recv()
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


async def test_one_that_nothing_can_stop_is_waited_for_a_moment(yard: Yard) -> None:
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


async def test_a_provider_that_does_not_count_is_not_waited_for(
    yard: Yard, provider: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await provider.next()
        await client.send(ASKS)
        await upstream.recv()
        await upstream.send(CREATED)
        await client.recv()
    assert await yard.ended(2)
    assert sorted(call.exchange.status for call in yard.calls) == [101, 499]
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


def the_relay(yard: Yard) -> relay.Relay:
    """That of the one session."""
    [session] = [call for call in yard.stockyard.office.running if isinstance(call, Session)]
    assert session._relay is not None
    return session._relay


async def midway(yard: Yard) -> None:
    """A message of the provider has begun to pass through the one session."""
    relayed = the_relay(yard)
    assert await becomes(lambda: relayed._to_client._midway)


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
        await midway(yard)
        await client.send(ASKS)
        assert await yard.ended(1)
        go_on.set()
        await sending
        assert await client.recv() == "one two"
        assert json.loads(await client.recv())["type"] == "error"


async def test_only_so_many_errors_of_ours_wait_for_a_message_in_pieces(
    yard: Yard, provider: RealtimeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_words, "MOST_WAITING", 3)
    yard.enable("ratelimit", limits=[{"by": "key", "calls": 1, "per_seconds": 3600}])
    async with a_session(yard) as client:
        upstream = await provider.next()
        go_on = asyncio.Event()

        async def pieces() -> AsyncIterator[str]:
            yield "one "
            await go_on.wait()
            yield "two"

        sending = asyncio.create_task(upstream.send(pieces()))
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
        yard.set("timeout.session_idle", "1500ms")
        async with a_session(yard) as client:
            upstream = await provider.next()
            for _ in range(8):
                await client.send("hm")
                assert await upstream.recv() == "hm"
                await asyncio.sleep(0.25)
