"""Builders for streams of chat and Messages, and how the tests read and write them."""

import json
from typing import Any

from stockyard.core.events import Event
from stockyard.wire.codec import Codec, Pen, StreamLook
from stockyard.wire.formats import FORMATS

CHAT, MESSAGES = FORMATS["openai.chat"], FORMATS["anthropic.messages"]


NONE: frozenset[str] = frozenset()
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def chunk(*choices: dict[str, Any], **fields: Any) -> bytes:
    body = {"id": "c1", "model": "m", "created": 1, "choices": list(choices), **fields}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def delta(choice: int = 0, **fields: Any) -> bytes:
    return chunk({"index": choice, "delta": fields, "finish_reason": None})


def finish(reason: str, choice: int = 0, **fields: Any) -> bytes:
    return chunk({"index": choice, "delta": {}, "finish_reason": reason}, **fields)


def call(index: int | None, arguments: Any = None, **fields: Any) -> bytes:
    function = {
        "arguments": arguments,
        **({"name": fields.pop("name")} if "name" in fields else {}),
    }
    place = {} if index is None else {"index": index}
    return delta(tool_calls=[{**place, **fields, "function": function}])


def event(kind: str, **fields: Any) -> bytes:
    return (
        f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **fields}).encode() + b"\n\n"
    )


def message(*blocks: bytes, stop: str = "end_turn") -> bytes:
    start = {
        "id": "msg_1",
        "model": "m",
        "content": [],
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }
    ending = event("message_delta", delta={"stop_reason": stop}, usage={"output_tokens": 5})
    return event("message_start", message=start) + b"".join(blocks) + ending + event("message_stop")


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    said = b"".join(event("content_block_delta", index=index, delta=d) for d in deltas)
    start = event("content_block_start", index=index, content_block=content)
    return start + said + event("content_block_stop", index=index)


def read(codec: Codec, data: bytes, *traits: str, size: int = 1 << 20) -> list[Event]:
    reader = codec.reader(traits=frozenset(traits))
    events = [e for i in range(0, len(data), size) for e in reader.feed(data[i : i + size])]
    return events + reader.end()


def written(codec: Codec, events: list[Event], **pen: Any) -> bytes:
    said = {"id": "1", "model": "m", "created": 1, "wants_usage": True, **pen}
    writer = codec.writer(Pen(**said))
    return writer.write(events) + writer.end()


def look_at(codec: Codec, data: bytes, *, native: bool = False) -> tuple[bytes, StreamLook]:
    look = codec.look(traits=NONE, keep_usage=False, native=native)
    return look.feed(data) + look.end(), look


def payloads(stream: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line) for line in lines]
