"""Ollama's chat and single prompts as it writes them: whole, as lines of a stream, as errors."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.testing.frames import Frame
from stockyard.testing.turn import Failure, ToolCall, Turn, Usage

_CREATED = "2026-01-02T03:04:05.678901234Z"


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    said: dict[str, object] = {"content": turn.text}
    if turn.reasoning:
        said["thinking"] = "".join(turn.reasoning)
    if turn.tools:
        said["tool_calls"] = [_called(i, tool) for i, tool in enumerate(turn.tools)]
    return _line(request, said, **_ending(turn))


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    """Calls come whole, and counts in the last line, asked for or not."""
    said: list[dict[str, object]] = [{"content": "", "thinking": p} for p in turn.reasoning]
    said += [{"content": piece} for piece in turn.pieces]
    said += [{"content": "", "tool_calls": [_called(i, t)]} for i, t in enumerate(turn.tools)]
    lines = [_line(request, one, done=False) + b"\n" for one in said]
    last = _line(request, {"content": ""}, **_ending(turn)) + b"\n"
    return [*(Frame("content", line) for line in lines), Frame("finish", last)]


def error_body(failure: Failure) -> bytes:
    return msgspec.json.encode({"error": failure.message})


def error_event(failure: Failure) -> bytes:
    return error_body(failure) + b"\n"


def _line(request: Mapping[str, Any], said: Mapping[str, object], **more: object) -> bytes:
    head = {"model": request.get("model", "scripted"), "created_at": _CREATED}
    if "prompt" in request:
        thinking = {"thinking": said["thinking"]} if "thinking" in said else {}
        return msgspec.json.encode({**head, "response": said["content"], **thinking, **more})
    return msgspec.json.encode({**head, "message": {"role": "assistant", **said}, **more})


def _called(index: int, tool: ToolCall) -> dict[str, object]:
    arguments = msgspec.Raw(tool.arguments.encode())
    return {"function": {"index": index, "name": tool.name, "arguments": arguments}}


def _ending(turn: Turn) -> dict[str, object]:
    ending = {"done": True, "done_reason": turn.finish or "stop", "total_duration": 12_345_678}
    return ending | _counts(turn.usage)


def _counts(usage: Usage | None) -> dict[str, object]:
    if usage is None:
        return {}
    said = {"prompt_eval_count": usage.input, "eval_count": usage.output}
    return {name: count for name, count in said.items() if count is not msgspec.UNSET}
