"""The built-in provider: a provider's bytes in, a provider's bytes out, in both formats."""

import asyncio
from typing import Any

import anthropic
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from stockyard.upstream.mock import MockTransport
from stockyard.upstream.mock.reply import LONGEST_ECHO
from tests.upstream.mock_calls import (
    BOTH,
    CHAT,
    ECHO,
    MESSAGES,
    Heard,
    a_request,
    a_tool,
    call,
    finish_of,
    outgoing,
    streamed_text,
    text_of,
    tokens_of,
    words,
)

EVENTS: TypeAdapter[anthropic.types.RawMessageStreamEvent] = TypeAdapter(
    anthropic.types.RawMessageStreamEvent
)


@BOTH
async def test_an_answer_says_what_it_is_and_echoes(path: str) -> None:
    heard = await call(path, a_request(path))

    assert heard.order == ["head", "data", "done"]
    assert heard.status == 200
    assert heard.fields[b"content-type"] == b"application/json"
    assert heard.json["model"] == "mock/echo"
    assert text_of(heard.json) == ECHO
    assert finish_of(heard.json) in ("stop", "end_turn")
    assert tokens_of(heard.json) == (1, words(ECHO))


@BOTH
async def test_a_stream_says_the_same_word_by_word(path: str) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if path == CHAT else {}
    heard = await call(path, a_request(path, stream=True, **options))

    assert heard.fields[b"content-type"].startswith(b"text/event-stream")
    assert streamed_text(heard.events) == ECHO
    assert len(heard.pieces) == 2 + len(ECHO.split())
    assert all(piece.endswith(b"\n\n") for piece in heard.pieces)
    usage = [event["usage"] for event in heard.events if event.get("usage")][-1]
    assert usage.get("completion_tokens", usage.get("output_tokens")) == words(ECHO)


@pytest.mark.parametrize("model", ["echo", "reasoning", "tools"])
@pytest.mark.parametrize("n", [1, 2])
async def test_official_types_of_chat_accept_what_it_says(model: str, n: int) -> None:
    tools = [a_tool(CHAT, "look", {"type": "object"})]
    request = a_request(CHAT, model=model, n=n, tools=tools)

    whole = await call(CHAT, request)
    stream = await call(CHAT, request | {"stream": True})

    answer = ChatCompletion.model_validate(whole.json, strict=True)
    chunks = [ChatCompletionChunk.model_validate(event, strict=True) for event in stream.events]
    assert len(answer.choices) == n
    assert {choice.index for chunk in chunks for choice in chunk.choices} == set(range(n))
    assert stream.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("model", ["echo", "reasoning", "tools"])
async def test_official_types_of_messages_accept_what_it_says(model: str) -> None:
    request = a_request(MESSAGES, model=model, tools=[a_tool(MESSAGES, "look", {})])

    whole = await call(MESSAGES, request)
    stream = await call(MESSAGES, request | {"stream": True})

    anthropic.types.Message.model_validate(whole.json)
    events = [EVENTS.validate_python(e) for e in stream.events if e["type"] != "ping"]
    assert [event.type for event in events[-2:]] == ["message_delta", "message_stop"]
    assert stream.body.count(b"event: ") == stream.body.count(b"data: ")


@BOTH
async def test_a_stream_without_the_wish_for_usage_has_none_in_chat(path: str) -> None:
    heard = await call(path, a_request(path, stream=True))

    assert any(event.get("usage") for event in heard.events) is (path == MESSAGES)


@BOTH
@pytest.mark.parametrize(
    ("fields", "text", "finish"),
    [
        ({"max_tokens": 3}, "This answer comes ", ("length", "max_tokens")),
        ({"max_tokens": 0}, "", ("length", "max_tokens")),
        ({"max_tokens": 1000}, ECHO, ("stop", "end_turn")),
        ({"stop": ["mock"]}, "This answer comes from Stockyard's ", ("stop", "stop_sequence")),
        ({"stop": ["mock", "answer"]}, "This ", ("stop", "stop_sequence")),
        ({"stop": ["nowhere", ""]}, ECHO, ("stop", "end_turn")),
        ({"stop": ["mock"], "max_tokens": 2}, "This answer ", ("length", "max_tokens")),
    ],
)
async def test_limits_and_stop_sequences_are_obeyed(
    path: str, fields: dict[str, Any], text: str, finish: tuple[str, str]
) -> None:
    if path == MESSAGES and "stop" in fields:
        fields = fields | {"stop_sequences": fields["stop"]}

    whole = (await call(path, a_request(path, **fields))).json
    stream = await call(path, a_request(path, stream=True, **fields))

    assert text_of(whole) == streamed_text(stream.events) == text
    assert finish_of(whole) == finish[path == MESSAGES]


@BOTH
async def test_the_stop_sequence_that_was_met_is_told(path: str) -> None:
    answer = (await call(path, a_request(path, stop_sequences=["mock"], stop="mock"))).json

    assert answer.get("stop_sequence") == ("mock" if path == MESSAGES else None)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_chat_has_two_names_for_its_limit(limit: str) -> None:
    answer = (await call(CHAT, a_request(CHAT) | {limit: 2})).json

    assert text_of(answer) == "This answer "


async def test_n_answers_are_counted_n_times() -> None:
    answer = (await call(CHAT, a_request(CHAT, n=3))).json

    assert len(answer["choices"]) == 3
    assert tokens_of(answer) == (1, 3 * words(ECHO))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, b""),
        (CHAT, b"{"),
        (CHAT, b"[]"),
        (CHAT, b'{"model":"echo"}'),
        (CHAT, b'{"model":"echo","messages":[1]}'),
        (CHAT, b'{"model":"echo","messages":[],"n":"two"}'),
        (MESSAGES, b'{"model":"echo","messages":[]}'),  # max_tokens is required
        (MESSAGES, b'{"model":"echo","max_tokens":1,"messages":[{"role":"user"}]}'),
        (CHAT, b'{"model":"echo","messages":[],"tools":' + b"[" * 50_000),
        ("/v1/messages/count_tokens", b"{}"),
    ],
)
async def test_a_body_that_is_no_request_of_its_format_is_a_400(path: str, body: bytes) -> None:
    heard = Heard()
    heard.sending = MockTransport().start(outgoing(path, body), heard)
    await asyncio.wait_for(heard.over, 5)

    assert heard.status == 400
    assert heard.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "method"), [("/v1/files", b"POST"), (CHAT, b"GET"), ("/", b"POST")]
)
async def test_other_endpoints_are_not_there(path: str, method: bytes) -> None:
    heard = Heard()
    heard.sending = MockTransport().start(outgoing(path, b"{}", method), heard)
    await asyncio.wait_for(heard.over, 5)

    assert heard.status == 404


async def test_a_query_does_not_hide_an_endpoint() -> None:
    assert (await call(MESSAGES + "?beta=true", a_request(MESSAGES))).status == 200


async def test_input_can_be_counted_without_an_answer() -> None:
    request = {"model": "echo", "system": "be brief", "messages": a_request(MESSAGES)["messages"]}

    heard = await call("/v1/messages/count_tokens", request)

    assert heard.json == {"input_tokens": 3}


@BOTH
async def test_a_long_prompt_is_counted_whole_and_echoed_in_part(path: str) -> None:
    prompt = "word " * LONGEST_ECHO

    answer = (await call(path, a_request(path, prompt))).json

    assert tokens_of(answer)[0] == LONGEST_ECHO
    assert len(text_of(answer)) < LONGEST_ECHO + 200


@BOTH
async def test_the_same_request_gets_the_same_answer(path: str) -> None:
    answers = [
        await call(path, a_request(path), MockTransport(estimate=words, now=lambda: 1.0))
        for _ in range(2)
    ]

    assert answers[0].body == answers[1].body


@BOTH
async def test_each_answer_has_an_id_of_its_own(path: str) -> None:
    transport = MockTransport()

    ids = {(await call(path, a_request(path), transport)).json["id"] for _ in range(3)}

    assert len(ids) == 3
