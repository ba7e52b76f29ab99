"""Odd values, in requests and from providers, end in the errors that callers know."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from tests.wire.odd_values import changed, odd, places

GEMINI, ARRAY = FORMATS["gemini"], FORMATS["gemini.array"]
NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)

REQUEST: dict[str, Any] = {
    "systemInstruction": {"role": "user", "parts": [{"text": "a"}]},
    "contents": [
        {
            "role": "user",
            "parts": [{"text": "a"}, {"inlineData": {"mimeType": "b/c", "data": "d"}}],
        },
        {
            "role": "user",
            "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "https://e"}}],
        },
        {"role": "model", "parts": [{"text": "f", "thought": True, "thoughtSignature": "g"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "h", "id": "i", "args": {"j": 1}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "h", "response": {"k": 1}}}]},
    ],
    "tools": [
        {"functionDeclarations": [{"name": "h", "parameters": {"type": "OBJECT"}}]},
        {"googleSearch": {}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["h"]}},
    "generationConfig": {
        "maxOutputTokens": 5,
        "temperature": 0.5,
        "stopSequences": ["l"],
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"m": {"type": "STRING"}}},
        "thinkingConfig": {"thinkingBudget": 1, "includeThoughts": True},
        "responseModalities": ["TEXT"],
    },
    "serviceTier": "flex",
}
ANSWER: dict[str, Any] = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "a", "thoughtSignature": "b"},
                    {"text": "c", "thought": True},
                    {"functionCall": {"name": "d", "args": {"e": 1}}},
                    {
                        "functionCall": {
                            "partialArgs": [{"jsonPath": "$.a[0].b", "stringValue": "c"}]
                        }
                    },
                    {"inlineData": {"mimeType": "audio/wav", "data": "f"}},
                ],
            },
            "finishReason": "STOP",
            "index": 0,
            "safetyRatings": [],
        }
    ],
    "promptFeedback": {"blockReason": "SAFETY"},
    "usageMetadata": {
        "promptTokenCount": 1,
        "candidatesTokenCount": 2,
        "totalTokenCount": 3,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
    },
    "modelVersion": "m",
    "responseId": "r",
}


@given(st.sampled_from(places(REQUEST)), odd)
def test_an_odd_request_is_understood_or_refused(place: tuple[Any, ...], value: Any) -> None:
    body = json.dumps(changed(REQUEST, place, value)).encode()
    try:
        GEMINI.peek(body)
        content = GEMINI.decode_request(body)
    except Refused:
        return
    for name in ("openai.chat", "anthropic.messages", "gemini"):
        with suppress(Refused):  # a message of which that format can say nothing
            FORMATS[name].encode_request(
                Request(model="m", content=content), features=NONE, traits=NONE
            )


@given(st.sampled_from(places(ANSWER)), odd)
def test_an_odd_answer_is_understood_or_none(place: tuple[Any, ...], value: Any) -> None:
    body = json.dumps(changed(ANSWER, place, value)).encode()
    for name in ("openai.chat", "anthropic.messages", "gemini"):
        try:
            usage = GEMINI.facts(body, traits=NONE).usage
            output = GEMINI.decode_response(body, traits=NONE)
        except UpstreamError:
            return
        FORMATS[name].encode_response(Response(output, usage=usage), PEN)


@given(st.sampled_from(places(ANSWER)), odd)
def test_an_odd_event_is_understood_or_none(place: tuple[Any, ...], value: Any) -> None:
    document = json.dumps(changed(ANSWER, place, value)).encode()
    for codec, data in (
        (GEMINI, b"data: " + document + b"\r\n\r\n"),
        (ARRAY, b"[" + document + b"]"),
    ):
        for native in (True, False):
            look = codec.look(traits=NONE, keep_usage=True, native=native)
            try:
                look.feed(data)
                look.end()
                assert look.usage is None or look.usage.total >= 0
            except UpstreamError:
                continue
        for name in ("openai.chat", "anthropic.messages", "gemini"):
            writer, reader = FORMATS[name].writer(PEN), codec.reader(traits=NONE)
            try:
                events = reader.feed(data) + reader.end()
            except UpstreamError:
                continue
            writer.write(events)
            writer.end()


@pytest.mark.parametrize(
    "whole", [b"", b"[]", b"null", b"{}", b"<html>", b'{"candidates": []}', b"5"]
)
def test_a_200_that_says_nothing_is_no_answer(whole: bytes) -> None:
    for read in (GEMINI.facts, GEMINI.decode_response):
        with pytest.raises(UpstreamError) as raised:
            read(whole, traits=NONE)
        assert raised.value.kind == "bad_answer"
