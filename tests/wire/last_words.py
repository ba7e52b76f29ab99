"""Answers of every format, whole and streamed, that say "hi" and end with a word of choice."""

import json
from typing import Any

from stockyard.wire import eventstream

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


LAST_WORDS = {
    "openai.chat": chat,
    "openai.responses": responses,
    "anthropic.messages": messages,
    "gemini": gemini,
    "bedrock.converse": converse,
    "cohere.chat": cohere,
    "ollama.chat": ollama,
}
"""Makes such an answer in a format: whole, and as a stream."""
