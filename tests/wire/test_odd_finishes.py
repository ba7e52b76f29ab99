"""Finishes that nobody here knows: the answer ended well, and the word is told (`wire.md` 6)."""

import json
from typing import Any

import pytest

from stockyard.core.events import Finished
from stockyard.core.response import Output
from stockyard.testing.yard import Yard
from stockyard.wire import eventstream
from stockyard.wire.codec import Codec
from stockyard.wire.formats import FORMATS

NONE: frozenset[str] = frozenset()
WORD = "a_word_from_next_year"
TEXT = {"type": "text", "text": "hi"}


def events(*said: dict[str, Any]) -> bytes:
    return b"".join(
        b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode())
        for one in said
    )


def frames(*said: tuple[str, dict[str, Any]]) -> bytes:
    return b"".join(eventstream.event(name, json.dumps(one).encode()) for name, one in said)


def messages(word: str) -> tuple[bytes, bytes]:
    whole = {"id": "m", "type": "message", "role": "assistant", "content": [TEXT], "model": "m"}
    stream = events(
        {"type": "message_start", "message": {"id": "m", "model": "m", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": word}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    )
    return json.dumps(whole | {"stop_reason": word, "usage": {}}).encode(), stream


def cohere(word: str) -> tuple[bytes, bytes]:
    whole = {"id": "c", "message": {"role": "assistant", "content": [TEXT]}, "finish_reason": word}
    start = {"message": {"content": {"type": "text", "text": ""}}}
    stream = events(
        {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": start},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hi"}}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": word}},
    )
    return json.dumps(whole).encode(), stream


def gemini(word: str) -> tuple[bytes, bytes]:
    content = {"role": "model", "parts": [{"text": "hi"}]}
    whole = json.dumps({"candidates": [{"content": content, "finishReason": word}]}).encode()
    return whole, b"data: %b\r\n\r\n" % whole


def converse(word: str) -> tuple[bytes, bytes]:
    output = {"message": {"role": "assistant", "content": [{"text": "hi"}]}}
    stream = frames(
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": word}),
        ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}),
    )
    return json.dumps({"output": output, "stopReason": word}).encode(), stream


def ollama(word: str) -> tuple[bytes, bytes]:
    message = {"role": "assistant", "content": "hi"}
    whole = {"model": "m", "message": message, "done": True, "done_reason": word}
    return json.dumps(whole).encode(), json.dumps(whole).encode() + b"\n"


def responses(word: str) -> tuple[bytes, bytes]:
    part = {"type": "output_text", "text": "hi", "annotations": []}
    item = {"type": "message", "id": "i", "role": "assistant", "content": [part]}
    details = {"status": "incomplete", "incomplete_details": {"reason": word}}
    answer = {"id": "resp_1", "object": "response", "model": "m", "output": [item], **details}
    begun: dict[str, Any] = answer | {
        "output": [],
        "status": "in_progress",
        "incomplete_details": None,
    }
    stream = events(
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.incomplete", "response": answer},
    )
    return json.dumps(answer).encode(), stream


def chat(word: str) -> tuple[bytes, bytes]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": word}
    delta = {"index": 0, "delta": {"content": "hi"}, "finish_reason": word}
    stream = b"data: %b\n\ndata: [DONE]\n\n" % json.dumps({"id": "c", "choices": [delta]}).encode()
    return json.dumps({"id": "c", "choices": [choice]}).encode(), stream


SAID = {
    "openai.chat": (chat, "stop"),
    "openai.responses": (responses, "max_output_tokens"),
    "anthropic.messages": (messages, "end_turn"),
    "gemini": (gemini, "STOP"),
    "bedrock.converse": (converse, "end_turn"),
    "cohere.chat": (cohere, "COMPLETE"),
    "ollama.chat": (ollama, "stop"),
}


@pytest.mark.parametrize("format_", SAID)
@pytest.mark.parametrize("known", [False, True])
def test_it_is_told_whether_the_answer_is_read_or_forwarded(format_: str, known: bool) -> None:
    say, usual = SAID[format_]
    word = usual if known else WORD
    whole, stream = say(word)
    codec: Codec = FORMATS[format_]
    told = "" if known else WORD

    assert codec.facts(whole, traits=NONE).odd_finish == told
    output = codec.decode_response(whole, traits=NONE)
    assert isinstance(output, Output)
    assert output.choices[0].finish in ("stop", "length")

    reader = codec.reader(traits=NONE)
    read = [*reader.feed(stream), *reader.end()]
    assert reader.odd_finish == told
    assert [e.reason for e in read if isinstance(e, Finished)] == [output.choices[0].finish]

    look = codec.look(traits=NONE, keep_usage=True, native=False)
    look.feed(stream)
    look.end()
    assert look.odd_finish == told
    assert look.complete


async def test_the_trace_tells_it(yard: Yard) -> None:
    whole, stream = messages(WORD)
    anthropic = yard.provider("anthropic").sends(200, {"content-type": "application/json"}, whole)
    anthropic.plays(stream).plays(stream)
    for call, streamed in ((yard.messages, False), (yard.messages, True), (yard.chat, True)):
        answer = await call("hi", model="anthropic/claude-haiku-4-5", stream=streamed)
        assert answer.text == "hi"
        found = [f.detail for f in yard.last.exchange.findings if f.action == "finish_unknown"]
        assert found == [{"finish": WORD}]
