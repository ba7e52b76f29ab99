"""Builders for streams of `gemini`."""

import json
from typing import Any

from stockyard.core.events import Event, Started
from stockyard.core.folding import fold
from stockyard.core.response import Output
from stockyard.wire.codec import Pen
from stockyard.wire.formats import FORMATS

EVENTS, ARRAY = FORMATS["gemini"], FORMATS["gemini.array"]


NONE: frozenset[str] = frozenset()
PEN = Pen(id="r1", model="m", created=1, wants_usage=True)
COUNTS = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}


def chunk(
    *parts: dict[str, Any], finish: str | None = None, counts: Any = None, **more: Any
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    answer = {"candidates": [candidate | more], "modelVersion": "m", "responseId": "r1"}
    return answer if counts is None else {**answer, "usageMetadata": counts}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"text": said, **more}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **more}}


def events_of(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(c).encode() + b"\r\n\r\n" for c in chunks)


def read(data: bytes, codec: Any = EVENTS, step: int = 1 << 20) -> list[Event]:
    reader = codec.reader(traits=NONE)
    events = [e for i in range(0, len(data), step) for e in reader.feed(data[i : i + step])]
    return [*events, *reader.end()]


def output_of(*chunks: Any) -> Output:
    return fold(read(events_of(*chunks)))[0]


def parts_of(*chunks: Any) -> list[Any]:
    return list(output_of(*chunks).choices[0].message.parts)


def documents(stream: bytes) -> list[Any]:
    assert stream.endswith(b"\r\n\r\n")
    blocks = stream.split(b"\r\n\r\n")[:-1]
    assert all(block.startswith(b"data: {") and b"\n" not in block for block in blocks)
    return [json.loads(block[6:]) for block in blocks]


def written(*events: Event, codec: Any = EVENTS) -> Any:
    writer = codec.writer(PEN)
    return writer.write([Started(), *events]) + writer.end(b": a comment\n\n")
