"""The pretend provider's answers, made once per kind of order and then only filled in."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import msgspec

from bench.order import END, NONCE

Format = Literal["chat", "messages"]

_WORDS = "the quick brown fox jumps over the lazy dog. "


@dataclass(frozen=True, slots=True)
class Prepared:
    """Wire bytes with a hole for the nonce: it goes between `before` and `after`."""

    before: bytes
    after: bytes
    tokens: tuple[bytes, ...] = ()
    """The further events of a stream, each as its own chunk."""
    end: bytes = b""

    def filled(self, nonce: bytes) -> bytes:
        return self.before + nonce + self.after


def token(number: int) -> str:
    return f"t{number:05d} "


@lru_cache(maxsize=256)
def whole(kind: Format, size: int) -> Prepared:
    filler = (_WORDS * (size // len(_WORDS) + 1))[: max(0, size - 24)]
    text = f"{NONCE.decode()} {filler} {END.decode()}"
    body = msgspec.json.encode(_chat_whole(text) if kind == "chat" else _message(text))
    before, after = (_head("application/json", len(body)) + body).split(NONCE)
    return Prepared(before, after)


@lru_cache(maxsize=256)
def stream(kind: Format, tokens: int, *, usage: bool) -> Prepared:
    make = _chat_events if kind == "chat" else _message_events
    opening, events, closing = make(tokens, usage)
    start = b"".join(_chunk(event) for event in (*opening, events[0]))
    before, after = (_head("text/event-stream", None) + start).split(NONCE)
    end = b"".join(map(_chunk, closing)) + b"0\r\n\r\n"
    return Prepared(before, after, tuple(map(_chunk, events[1:])), end)


def _head(content_type: str, length: int | None) -> bytes:
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{framing}\r\n\r\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _texts(count: int) -> list[str]:
    return [token(0) + NONCE.decode() + " ", *map(token, range(1, count))]


_Events = tuple[list[bytes], list[bytes], list[bytes]]
"""What opens a stream, its tokens, what closes it."""

_USAGE = {"prompt_tokens": 9, "completion_tokens": 36, "total_tokens": 45}
_CHAT: dict[str, object] = {
    "id": "chatcmpl-bench",
    "created": 1_760_000_000,
    "model": "gpt-4o-mini",
}


def _chat_whole(text: str) -> dict[str, object]:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _CHAT | {"object": "chat.completion", "choices": [choice], "usage": _USAGE}


def _chat_events(tokens: int, usage: bool) -> _Events:
    def event(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data(_CHAT | {"object": "chat.completion.chunk", "choices": [choice]})

    closing = [event({}, "stop")]
    if usage:
        counts = {"object": "chat.completion.chunk", "choices": [], "usage": _USAGE}
        closing.append(_data(_CHAT | counts))
    opening = [event({"role": "assistant", "content": ""})]
    texts = [event({"content": text}) for text in _texts(tokens)]
    return opening, texts, [*closing, b"data: [DONE]\n\n"]


def _message(text: str | None) -> dict[str, object]:
    return {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "claude-3-5-haiku-20241022",
        "content": [] if text is None else [{"type": "text", "text": text}],
        "stop_reason": None if text is None else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1 if text is None else 36},
    }


def _message_events(tokens: int, usage: bool) -> _Events:
    def event(kind: str, **fields: object) -> bytes:
        return f"event: {kind}\n".encode() + _data({"type": kind, **fields})

    def delta(text: str) -> bytes:
        piece = {"type": "text_delta", "text": text}
        return event("content_block_delta", index=0, delta=piece)

    start = {"type": "text", "text": ""}
    opening = [
        event("message_start", message=_message(None)),
        event("content_block_start", index=0, content_block=start),
    ]
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    closing = [
        event("content_block_stop", index=0),
        event("message_delta", delta=ending, usage={"output_tokens": tokens}),
        event("message_stop"),
    ]
    return opening, [delta(text) for text in _texts(tokens)], closing


def _data(body: dict[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"
