"""Sessions of Gemini Live: which messages tell of an answer, and what it used."""

import json
from typing import Any

import pytest

from stockyard.core.money import Usage
from stockyard.wire.live import LiveWords
from stockyard.wire.realtime import Asks, Begun, Done, Heard

SPEAKS = {"serverContent": {"modelTurn": {"parts": [{"text": "hi"}]}}}
CALLS = {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {}}]}}
OVER = {"serverContent": {"turnComplete": True}}
COUNTS = {
    "usageMetadata": {
        "promptTokenCount": 20,
        "responseTokenCount": 10,
        "totalTokenCount": 30,
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
    }
}
USED = Usage(in_fresh=20, out_text=10, out_audio=10)
FIRST, SECOND = "answer 1", "answer 2"


def heard(*messages: dict[str, Any]) -> list[Heard]:
    words = LiveWords()
    told = [one for message in messages for one in words.heard_in(json.dumps(message).encode())]
    return [*told, *words.ended()]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([SPEAKS, SPEAKS, OVER | COUNTS], [Begun(FIRST), Done(USED, FIRST)]),
        ([SPEAKS | COUNTS, OVER], [Begun(FIRST), Done(USED, FIRST)]),
        ([SPEAKS, OVER, COUNTS], [Begun(FIRST), Done(USED, FIRST)]),
        ([SPEAKS, COUNTS, COUNTS, OVER], [Begun(FIRST), Done(USED, FIRST)]),
        ([CALLS, SPEAKS, OVER | COUNTS], [Begun(FIRST), Done(USED, FIRST)]),
        (
            [SPEAKS, OVER | COUNTS, SPEAKS, OVER | COUNTS],
            [Begun(FIRST), Done(USED, FIRST), Begun(SECOND), Done(USED, SECOND)],
        ),
        ([SPEAKS, OVER, SPEAKS], [Begun(FIRST), Done(None, FIRST), Begun(SECOND)]),
        ([SPEAKS, COUNTS], [Begun(FIRST), Done(USED, FIRST)]),
        ([SPEAKS, COUNTS, {"usageMetadata": {}}, OVER], [Begun(FIRST), Done(USED, FIRST)]),
        ([OVER | COUNTS], [Done(USED, "")]),
        ([OVER], []),
        ([{"setupComplete": {}}, {"goAway": {"timeLeft": "5s"}}], []),
        ([{"serverContent": {"inputTranscription": {"text": "modelTurn"}}}], []),
        ([{"serverContent": 5, "modelTurn": 1, "usageMetadata": []}], []),
    ],
)
def test_answers_are_told_of_once(messages: list[dict[str, Any]], told: list[Heard]) -> None:
    assert heard(*messages) == told


@pytest.mark.parametrize("message", [b'{"turnComplete', b'["turnComplete"]', b'"usageMetadata"'])
def test_what_is_no_message_tells_nothing(message: bytes) -> None:
    assert list(LiveWords().heard_in(message)) == []


@pytest.mark.parametrize(
    "message",
    [b'{"setup":{"model":"models/gemini-live-x"}}', b'{"\\u0073etup":{"model":"gemini-live-x"}}'],
)
def test_the_first_message_says_which_model_it_is(message: bytes) -> None:
    words = LiveWords()
    assert words.asks_in(b'{"realtimeInput":{"text":"setup"}}') is None
    assert words.asks_in(message) == Asks(model="gemini-live-x")
    assert words.asks_in(message) is None
