"""Gemini's answers as a provider writes them: whole, as an event stream, and as errors."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stockyard.testing.frames import Frame
from stockyard.testing.turn import Failure, ToolCall, Turn, Usage

_ID, _SIGNATURE = "scripted", "c2NyaXB0ZWQ="

# status -> the word for it; see wire.md 10.1.
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    parts: list[dict[str, object]] = []
    if turn.reasoning:
        parts.append({"text": "".join(turn.reasoning), "thought": True})
    if turn.pieces:
        parts.append({"text": turn.text} | _signed(turn))
    parts += _calls(turn)
    return msgspec.json.encode(_answer(turn, parts, finish=_finish(turn)))


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    """Counts come in every stream of this format, asked for or not: with the finish."""
    out = [Frame("content", _event(_answer(turn, [part], finish=None))) for part in _parts(turn)]
    return [*out, Frame("finish", _event(_answer(turn, [{"text": ""}], finish=_finish(turn))))]


def error_body(failure: Failure) -> bytes:
    status = failure.kind or _STATUSES.get(failure.status, "INTERNAL")
    error = {"code": failure.status, "message": failure.message, "status": status}
    return msgspec.json.encode({"error": error})


def error_event(failure: Failure) -> bytes:
    return b"data: " + error_body(failure) + b"\r\n\r\n"


def _parts(turn: Turn) -> Iterator[dict[str, object]]:
    for piece in turn.reasoning:
        yield {"text": piece, "thought": True}
    for i, piece in enumerate(turn.pieces):
        yield {"text": piece} | (_signed(turn) if i == len(turn.pieces) - 1 else {})
    yield from _calls(turn)


def _calls(turn: Turn) -> list[dict[str, object]]:
    """Thinking before calls signs the first of them."""
    return [
        {"functionCall": _called(tool)} | (_signed(turn) if i == 0 and not turn.pieces else {})
        for i, tool in enumerate(turn.tools)
    ]


def _called(tool: ToolCall) -> dict[str, object]:
    return {"name": tool.name, "args": msgspec.Raw((tool.arguments or "{}").encode())}


def _signed(turn: Turn) -> dict[str, object]:
    return {"thoughtSignature": _SIGNATURE} if turn.reasoning else {}


def _answer(turn: Turn, parts: list[dict[str, object]], finish: str | None) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    answer: dict[str, object] = {"candidates": [candidate]}
    if finish is not None and turn.usage is not None:
        answer["usageMetadata"] = _usage(turn.usage)
    return answer | {"modelVersion": "scripted-1", "responseId": _ID}


def _event(body: Mapping[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\r\n\r\n"


def _finish(turn: Turn) -> str:
    """A call of a tool is a normal end here."""
    return turn.finish or "STOP"


def _usage(usage: Usage) -> dict[str, object]:
    counts = {"promptTokenCount": usage.input, "candidatesTokenCount": usage.output}
    if isinstance(usage.input, int) and isinstance(usage.output, int):
        counts["totalTokenCount"] = usage.input + usage.output
    if usage.cached:
        counts["cachedContentTokenCount"] = usage.cached
    return {name: count for name, count in counts.items() if count is not msgspec.UNSET}
