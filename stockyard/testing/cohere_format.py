"""Cohere's chat as the provider writes it: whole, as an event stream, and as errors."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stockyard.testing.frames import Frame
from stockyard.testing.turn import Failure, ToolCall, Turn, Usage

_ID = "c0ffee00-0000-4000-8000-5c91b7ed0001"
_EMPTY = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    message: dict[str, object] = {"role": "assistant"}
    content = [{"type": kind, kind: "".join(pieces)} for kind, pieces in _contents(turn)]
    if content or not turn.tools:
        message["content"] = content
    if turn.tools:
        message["tool_calls"] = [_called(tool, tool.arguments) for tool in turn.tools]
    body = {"id": _ID, "message": message, "finish_reason": _finish(turn)}
    return msgspec.json.encode(body | _counts(turn.usage))


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    """Counts come in every stream of this format, asked for or not."""
    out = [Frame("open", _event("message-start", id=_ID, delta={"message": _EMPTY}))]
    for index, (kind, pieces) in enumerate(_contents(turn)):
        start = _content_event("start", index, {"type": kind, kind: ""})
        out.append(Frame("content" if index else "open", start))
        out += [Frame("content", _content_event("delta", index, {kind: p})) for p in pieces]
        out.append(Frame("content", _event("content-end", index=index)))
    for index, tool in enumerate(turn.tools):
        out += [Frame("content", event) for event in _call_events(index, tool)]
    ending = {"finish_reason": _finish(turn)} | _counts(turn.usage)
    out.append(Frame("finish", _event("message-end", delta=ending)))
    return [*out, Frame("end", b"data: [DONE]\n\n")]


def error_body(failure: Failure) -> bytes:
    body = {"id": _ID, "message": failure.message}
    return msgspec.json.encode(body | ({"error_type": failure.kind} if failure.kind else {}))


def error_event(failure: Failure) -> bytes:
    return _event("message-end", delta={"finish_reason": "ERROR", "error": failure.message})


def _contents(turn: Turn) -> Iterator[tuple[str, tuple[str, ...]]]:
    if turn.reasoning:
        yield "thinking", turn.reasoning
    if turn.pieces:
        yield "text", turn.pieces


def _content_event(what: str, index: int, content: Mapping[str, object]) -> bytes:
    return _event(f"content-{what}", index=index, delta={"message": {"content": content}})


def _call_events(index: int, tool: ToolCall) -> Iterator[bytes]:
    start = {"message": {"tool_calls": _called(tool, tool.pieces[0])}}
    yield _event("tool-call-start", index=index, delta=start)
    for piece in tool.pieces[1:]:
        delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
        yield _event("tool-call-delta", index=index, delta=delta)
    yield _event("tool-call-end", index=index)


def _called(tool: ToolCall, arguments: str) -> dict[str, object]:
    function = {"name": tool.name, "arguments": arguments}
    return {"id": tool.id, "type": "function", "function": function}


def _event(kind: str, **fields: object) -> bytes:
    data = msgspec.json.encode({"type": kind, **fields})
    return f"event: {kind}\n".encode() + b"data: " + data + b"\n\n"


def _finish(turn: Turn) -> str:
    return turn.finish or ("TOOL_CALL" if turn.tools else "COMPLETE")


def _counts(usage: Usage | None) -> dict[str, object]:
    if usage is None:
        return {}
    said = {"input_tokens": usage.input, "output_tokens": usage.output}
    counts = {name: count for name, count in said.items() if count is not msgspec.UNSET}
    counted: dict[str, object] = {"billed_units": counts, "tokens": counts}
    return {"usage": counted | ({"cached_tokens": usage.cached} if usage.cached else {})}
