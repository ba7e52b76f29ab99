"""Odd values in Cohere's and Ollama's formats end in the errors that callers know."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS
from tests.wire.odd_values import changed, odd, places

OURS = ("cohere.chat", "ollama.chat", "ollama.generate")
OTHERS = ("openai.chat", "anthropic.messages", *OURS)
NONE: frozenset[str] = frozenset()
PEN = Pen(id="1", model="m", created=1, wants_usage=True)
FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}, "x": 1}
TOOLS = [{"type": "function", "function": FUNCTION}]

REQUESTS: dict[str, dict[str, Any]] = {
    "cohere.chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "a"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "b"},
                    {"type": "image_url", "image_url": {"url": "https://e", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "c"}],
                "tool_plan": "d",
                "tool_calls": [{"id": "e", "function": {"name": "f", "arguments": "{}"}}],
                "citations": [{"start": 0, "sources": []}],
            },
            {
                "role": "tool",
                "tool_call_id": "e",
                "content": [{"type": "document", "document": {"id": "g", "data": {"h": 1}}}],
            },
        ],
        "tools": TOOLS,
        "strict_tools": True,
        "tool_choice": "REQUIRED",
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "thinking": {"type": "enabled", "token_budget": 5},
        "documents": ["i"],
        "max_tokens": 5,
        "stop_sequences": ["j"],
        "temperature": 0.5,
    },
    "ollama.chat": {
        "model": "m",
        "messages": [
            {"role": "user", "content": "a", "images": ["iVBORw0KGgo"]},
            {
                "role": "assistant",
                "content": "b",
                "thinking": "c",
                "tool_calls": [{"id": "d", "function": {"name": "f", "arguments": {"e": 1}}}],
            },
            {"role": "tool", "content": "g", "tool_name": "f", "tool_call_id": "d"},
        ],
        "tools": TOOLS,
        "format": {"type": "object"},
        "options": {"num_predict": 5, "stop": ["h"], "num_ctx": 9, "temperature": 0.5},
        "think": "low",
        "stream": False,
        "logprobs": True,
    },
    "ollama.generate": {
        "model": "m",
        "prompt": "a",
        "suffix": "b",
        "system": "c",
        "images": ["iVBORw0KGgo"],
        "context": [1],
        "format": "json",
        "options": {"num_predict": 5},
        "think": True,
    },
}
CALL = {"id": "c", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}
ENDING = {"done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 2}
ANSWERS: dict[str, dict[str, Any]] = {
    "cohere.chat": {
        "id": "1",
        "message": {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "a"}, {"type": "text", "text": "b"}],
            "tool_plan": "c",
            "tool_calls": [{"id": "d", "function": {"name": "f", "arguments": "{}"}}],
            "citations": [{"start": 0, "sources": [], "type": "TEXT_CONTENT", "content_index": 1}],
        },
        "finish_reason": "COMPLETE",
        "usage": {
            "billed_units": {"input_tokens": 1, "output_tokens": 2},
            "tokens": {"input_tokens": 3.0, "output_tokens": 2, "reasoning_tokens": 1},
            "cached_tokens": 1,
        },
    },
    "ollama.chat": {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": "a", "thinking": "b", "tool_calls": [CALL]},
        "logprobs": [{"token": "a", "logprob": -1}],
        **ENDING,
    },
    "ollama.generate": {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "response": "a",
        "thinking": "b",
        "context": [1],
        **ENDING,
    },
}
EVENTS: list[dict[str, Any]] = [
    {"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant"}}},
    {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "a"}}},
    {
        "type": "content-start",
        "index": 0,
        "delta": {"message": {"content": {"type": "text", "text": ""}}},
    },
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "b"}}}},
    {
        "type": "citation-start",
        "index": 0,
        "delta": {"message": {"citations": {"start": 0, "sources": [], "content_index": 0}}},
    },
    {"type": "content-end", "index": 0},
    {
        "type": "tool-call-start",
        "index": 0,
        "delta": {"message": {"tool_calls": {"id": "c", "function": {"name": "f"}}}},
    },
    {
        "type": "tool-call-delta",
        "index": 0,
        "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}},
    },
    {
        "type": "message-end",
        "delta": {"finish_reason": "COMPLETE", "usage": ANSWERS["cohere.chat"]["usage"]},
    },
]


def spots(values: dict[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
    return [(name, place) for name, value in values.items() for place in places(value)]


@given(st.sampled_from(spots(REQUESTS)), odd)
def test_an_odd_request_is_understood_or_refused(
    spot: tuple[str, tuple[Any, ...]], value: Any
) -> None:
    name, place = spot
    body = json.dumps(changed(REQUESTS[name], place, value)).encode()
    try:
        FORMATS[name].peek(body)
        content = FORMATS[name].decode_request(body)
    except Refused:
        return
    assert isinstance(content, Content)
    for other in OTHERS:
        request = Request(model="m", content=content)
        with suppress(Refused):  # a message of which that format can say nothing
            assert FORMATS[other].encode_request(request, features=NONE, traits=NONE).body


@given(st.sampled_from(spots(ANSWERS)), odd)
def test_an_odd_answer_is_understood_or_none(spot: tuple[str, tuple[Any, ...]], value: Any) -> None:
    name, place = spot
    body = json.dumps(changed(ANSWERS[name], place, value)).encode()
    try:
        usage = FORMATS[name].facts(body, traits=NONE).usage
        output = FORMATS[name].decode_response(body, traits=NONE)
    except UpstreamError:
        return
    assert isinstance(output, Output)
    for other in OTHERS:
        assert FORMATS[other].encode_response(Response(output, usage=usage), PEN)


def streams(spot: tuple[str, tuple[Any, ...]], value: Any) -> bytes:
    name, place = spot
    if name == "cohere.chat":
        events = changed(EVENTS, place, value)
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    line = changed(ANSWERS[name], place, value)
    return b"".join(json.dumps(one).encode() + b"\n" for one in ({**line, "done": False}, line))


@given(
    st.sampled_from(
        [
            *(("cohere.chat", place) for place in places(EVENTS)),
            *(spot for spot in spots(ANSWERS) if spot[0] != "cohere.chat"),
        ]
    ),
    odd,
)
def test_an_odd_event_is_understood_or_none(spot: tuple[str, tuple[Any, ...]], value: Any) -> None:
    codec, data = FORMATS[spot[0]], streams(spot, value)
    for native in (True, False):
        look = codec.look(traits=NONE, keep_usage=True, native=native)
        try:
            look.feed(data)
            look.end()
            assert look.usage is None or look.usage.total >= 0
        except UpstreamError:
            continue
    reader = codec.reader(traits=NONE)
    try:
        events = [*reader.feed(data), *reader.end()]
    except UpstreamError:
        return
    for other in OTHERS:
        writer = FORMATS[other].writer(PEN)
        assert writer.write(events) + writer.end()


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b"<html>", b'{"done":true}', b"5"])
def test_a_200_that_says_nothing_is_no_answer(name: str, body: bytes) -> None:
    for read in (FORMATS[name].facts, FORMATS[name].decode_response):
        with pytest.raises(UpstreamError) as raised:
            read(body, traits=NONE)
        assert raised.value.kind == "bad_answer"
