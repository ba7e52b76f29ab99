"""What a caller says in a realtime session is counted for the model that writes it down."""

import json
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Module, ModuleConfig, Stage
from stockyard.core.money import Usage
from stockyard.errors import Refused
from stockyard.testing.yard import Yard
from tests.realtime_provider import RealtimeProvider
from tests.realtime_sessions import ASKS, CREATED, a_session, done

WORDS = "conversation.item.input_audio_transcription.completed"
TOKENS = {
    "type": "tokens",
    "total_tokens": 26,
    "input_tokens": 17,
    "input_token_details": {"text_tokens": 0, "audio_tokens": 17},
    "output_tokens": 9,
}


class TooLate(Module[ModuleConfig]):
    """Refuses what has happened already."""

    name = "too_late"
    category = "safety"
    stage = Stage.INSPECT
    handles = frozenset({"realtime"})

    def on_request(self, x: Exchange) -> None:
        if x.usage is not None:
            raise Refused(400, "content_blocked", "Not this.")


def hears(model: str) -> dict[str, Any]:
    session = {"type": "realtime", "audio": {"input": {"transcription": {"model": model}}}}
    return {"type": "session.updated", "session": session}


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
async def test_a_transcription_is_counted_for_the_model_that_writes_it(
    yard: Yard,
    realtime: RealtimeProvider,
    session: dict[str, Any],
    usage: dict[str, Any] | None,
    model: str,
    counted: Usage | None,
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
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
async def test_a_transcription_uses_up_tokens_but_no_calls(
    yard: Yard, realtime: RealtimeProvider, max_wait_ms: int
) -> None:
    limits = [{"by": "key", "calls": 3, "tokens": 50, "per_seconds": 3600}]
    yard.enable("ratelimit", limits=limits, max_wait_ms=max_wait_ms)
    said = {"type": WORDS, "item_id": "item_1", "transcript": "Hi.", "usage": TOKENS}
    async with a_session(yard) as client:
        upstream = await realtime.next()
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


async def test_a_transcription_that_a_module_refuses_is_counted_and_no_error(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    yard.add(TooLate)
    said = {"type": WORDS, "item_id": "item_1", "transcript": "Hi.", "usage": TOKENS}
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await upstream.send(json.dumps(said))
        assert json.loads(await client.recv()) == said
        await upstream.send(CREATED)
        assert await client.recv() == CREATED, "and no error of ours"
    assert await yard.ended(3)
    counted = next(call for call in yard.calls if call.usage is not None)
    assert counted.status == 200


async def test_answers_are_counted_for_their_own_model_once_transcription_is_off(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    async with a_session(yard) as client:
        upstream = await realtime.next()
        off = {"type": "session.updated", "session": {"audio": {"input": {}}}}
        for message in (hears("whisper-1"), off, json.loads(CREATED), json.loads(done())):
            await upstream.send(json.dumps(message))
            await client.recv()
    assert await yard.ended(2)
    answer = yard.calls[0].exchange
    assert answer.target is not None
    assert answer.target.model == "gpt-realtime"


async def test_cached_audio_is_told_from_fresh_audio(
    yard: Yard, realtime: RealtimeProvider
) -> None:
    usage = {
        "total_tokens": 30,
        "input_tokens": 20,
        "input_token_details": {
            "text_tokens": 5,
            "audio_tokens": 15,
            "cached_tokens": 6,
            "cached_tokens_details": {"text_tokens": 2, "audio_tokens": 4},
        },
        "output_tokens": 10,
    }
    async with a_session(yard) as client:
        upstream = await realtime.next()
        await upstream.send(done(usage=usage))
        await client.recv()
    assert await yard.ended(2)
    counted = yard.calls[0].exchange.usage
    assert counted == Usage(in_fresh=14, in_cached=6, in_audio=15, in_cached_audio=4, out_text=10)
