"""Completions as a provider writes them: whole, as an event stream, and as errors.

They are chat's but for the text, which stands alone; there are no tools and no reasoning.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.testing import chat_format
from stockyard.testing.frames import Frame
from stockyard.testing.turn import Turn

_ID, _CREATED = "cmpl-scripted", 1_760_000_000


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    body = _envelope(request) | {"choices": [_choice(turn.text, turn.finish or "stop")]}
    return msgspec.json.encode(body | _counts(turn))


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    asked = bool((request.get("stream_options") or {}).get("include_usage")) or counts_unasked
    base = _envelope(request) | ({"usage": None} if asked else {})
    out = [Frame("content", _event(base, _choice(piece))) for piece in turn.pieces]
    out.append(Frame("finish", _event(base, _choice("", turn.finish or "stop"))))
    if asked and turn.usage is not None:
        out.append(Frame("usage", _event(base | _counts(turn))))
    return [*out, Frame("end", b"data: [DONE]\n\n")]


error_body = chat_format.error_body
error_event = chat_format.error_event


def _envelope(request: Mapping[str, Any]) -> dict[str, object]:
    model = request.get("model", "scripted")
    return {"id": _ID, "object": "text_completion", "created": _CREATED, "model": model}


def _choice(text: str, finish: str | None = None) -> dict[str, object]:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}


def _event(base: Mapping[str, object], *choices: Mapping[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode({**base, "choices": choices}) + b"\n\n"


def _counts(turn: Turn) -> dict[str, object]:
    return {} if turn.usage is None else {"usage": chat_format.usage_object(turn.usage)}
