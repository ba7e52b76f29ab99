"""Responses as a provider writes them: whole, as an event stream, and as errors."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import msgspec

from stockyard.testing import chat_format
from stockyard.testing.frames import Frame, FrameKind
from stockyard.testing.turn import Failure, ToolCall, Turn, Usage

_ID, _CREATED, _SEALED = "resp_scripted", 1_760_000_000, "c2NyaXB0ZWQ="

_Item = dict[str, Any]


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(_response(turn, request, "completed", _items(turn)))


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    """Counts come in every stream of this format, asked for or not: with the end."""
    number = count()
    out: list[Frame] = []

    def say(frame: FrameKind, kind: str, **fields: object) -> None:
        body = {"type": kind, "sequence_number": next(number), **fields}
        data = f"event: {kind}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"
        out.append(Frame(frame, data))

    begun = _response(turn, request, "in_progress", []) | {"usage": None}
    say("open", "response.created", response=begun)
    say("open", "response.in_progress", response=begun)
    for index, item in enumerate(_items(turn)):
        # A call or a second item is content from its first word on.
        kind: FrameKind = "content" if index or item["type"] == "function_call" else "open"
        empty = item | {"status": "in_progress"} | _emptied(item)
        say(kind, "response.output_item.added", output_index=index, item=empty)
        for event, fields in _pieces(turn, index, item):
            deltas = event.endswith(".delta")
            say("content" if deltas else kind, event, output_index=index, **fields)
        say("content", "response.output_item.done", output_index=index, item=item)
    ended = _response(turn, request, "completed", _items(turn))
    say("end", "response.completed", response=ended)
    return out


error_body = chat_format.error_body


def error_event(failure: Failure) -> bytes:
    error = {"type": failure.kind or "server_error", "code": failure.code or "server_error"}
    body = {"type": "error", "sequence_number": 9, **error, "message": failure.message}
    return b"event: error\ndata: " + msgspec.json.encode(body) + b"\n\n"


def _items(turn: Turn) -> list[_Item]:
    items: list[_Item] = []
    if turn.reasoning:
        summary = [{"type": "summary_text", "text": "".join(turn.reasoning)}]
        sealed = {"encrypted_content": _SEALED, "status": "completed"}
        items.append({"id": "rs_scripted", "type": "reasoning", "summary": summary, **sealed})
    if turn.pieces:
        said = {"id": "msg_scripted", "type": "message", "status": "completed", "role": "assistant"}
        items.append(said | {"content": [_text(turn.text)]})
    return items + [_called(tool) for tool in turn.tools]


def _called(tool: ToolCall) -> _Item:
    return {
        "id": f"fc_{tool.id}",
        "type": "function_call",
        "status": "completed",
        "call_id": tool.id,
        "name": tool.name,
        "arguments": tool.arguments,
    }


def _emptied(item: _Item) -> _Item:
    """What an item lacks when it begins."""
    if item["type"] == "function_call":
        return {"arguments": ""}
    return {"content": []} if item["type"] == "message" else {"summary": []}


def _pieces(turn: Turn, index: int, item: _Item) -> Iterator[tuple[str, dict[str, object]]]:
    """The events between the beginning of an item and its end."""
    at: dict[str, object] = {"item_id": item["id"]}
    if item["type"] == "function_call":
        tool = next(tool for tool in turn.tools if tool.id == item["call_id"])
        for piece in tool.pieces:
            yield "response.function_call_arguments.delta", at | {"delta": piece}
        yield "response.function_call_arguments.done", at | {"arguments": tool.arguments}
        return
    thinks = item["type"] == "reasoning"
    part = {"summary_index": 0} if thinks else {"content_index": 0}
    names = ("reasoning_summary_part", "reasoning_summary_text")
    whole_part, text = names if thinks else ("content_part", "output_text")
    said = "".join(turn.reasoning) if thinks else turn.text
    made = {"type": "summary_text", "text": said} if thinks else _text(said)
    extra: dict[str, object] = {} if thinks else {"logprobs": []}
    yield f"response.{whole_part}.added", at | part | {"part": made | {"text": ""}}
    for piece in turn.reasoning if thinks else turn.pieces:
        yield f"response.{text}.delta", at | part | {"delta": piece} | extra
    yield f"response.{text}.done", at | part | {"text": said} | extra
    yield f"response.{whole_part}.done", at | part | {"part": made}


def _text(text: str) -> _Item:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _response(
    turn: Turn, request: Mapping[str, Any], status: str, output: list[_Item]
) -> dict[str, object]:
    return {
        "id": _ID,
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "metadata": {},
        "model": request.get("model", "scripted"),
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "top_p": 1.0,
        "usage": None if turn.usage is None else _usage(turn.usage),
    }


def _usage(usage: Usage) -> dict[str, object]:
    counts: dict[str, object] = {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    if isinstance(usage.input, int) and isinstance(usage.output, int):
        counts["total_tokens"] = usage.input + usage.output
    return {name: count for name, count in counts.items() if count is not msgspec.UNSET}
