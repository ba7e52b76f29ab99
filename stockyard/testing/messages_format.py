"""Messages as a provider writes them: whole, as an event stream, and as errors."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stockyard.testing.frames import Frame, FrameKind
from stockyard.testing.turn import Failure, Turn, Usage

_ID, _SIGNATURE = "msg_scripted", "c2NyaXB0ZWQ="

# status -> type; see wire.md 4.4.
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(
        _message(request)
        | {
            "content": [block for _, block, _ in _blocks(turn)],
            "stop_reason": _stop_reason(turn),
            "usage": _input_counts(turn.usage) | _output_counts(turn.usage),
        }
    )


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    """Counts come in every stream of this format, asked for or not."""
    start = _message(request) | {"usage": _input_counts(turn.usage) | {"output_tokens": 1}}
    out = [Frame("open", _event("message_start", message=start))]
    for index, (empty, _, deltas) in enumerate(_blocks(turn)):
        # The start of a tool call already tells its name: that is content.
        kind: FrameKind = "content" if index or empty["type"] == "tool_use" else "open"
        opening = _event("content_block_start", index=index, content_block=empty)
        out.append(Frame(kind, opening))
        if index == 0:
            out.append(Frame(kind, _event("ping")))
        out += [
            Frame("content", _event("content_block_delta", index=index, delta=d)) for d in deltas
        ]
        out.append(Frame("content", _event("content_block_stop", index=index)))
    ending = {"stop_reason": _stop_reason(turn), "stop_sequence": None}
    counts = {"usage": _output_counts(turn.usage)} if turn.usage is not None else {}
    out.append(Frame("finish", _event("message_delta", delta=ending, **counts)))
    return [*out, Frame("end", _event("message_stop"))]


def error_body(failure: Failure) -> bytes:
    kind = failure.kind or _ERRORS.get(failure.status, "api_error")
    error: dict[str, object] = {"type": kind, "message": failure.message}
    if failure.code is not None:
        error["details"] = {"error_code": failure.code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": "req_scripted"})


def error_event(failure: Failure) -> bytes:
    return b"event: error\ndata: " + error_body(failure) + b"\n\n"


_Block = dict[str, object]


def _blocks(turn: Turn) -> Iterator[tuple[_Block, _Block, list[_Block]]]:
    """Each block as a stream opens it, as a whole answer holds it, and as deltas."""
    if turn.reasoning:
        text = "".join(turn.reasoning)
        deltas: list[_Block] = [{"type": "thinking_delta", "thinking": p} for p in turn.reasoning]
        deltas.append({"type": "signature_delta", "signature": _SIGNATURE})
        empty: _Block = {"type": "thinking", "thinking": "", "signature": ""}
        yield empty, empty | {"thinking": text, "signature": _SIGNATURE}, deltas
    if turn.pieces:
        deltas = [{"type": "text_delta", "text": piece} for piece in turn.pieces]
        yield {"type": "text", "text": ""}, {"type": "text", "text": turn.text}, deltas
    for tool in turn.tools:
        empty = {"type": "tool_use", "id": f"toolu_{tool.id}", "name": tool.name, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in tool.pieces]
        yield empty, empty | {"input": msgspec.Raw(tool.arguments.encode())}, deltas


def _message(request: Mapping[str, Any]) -> dict[str, object]:
    return {
        "id": _ID,
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "scripted"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _event(kind: str, **fields: object) -> bytes:
    return (
        f"event: {kind}\ndata: ".encode() + msgspec.json.encode({"type": kind, **fields}) + b"\n\n"
    )


def _stop_reason(turn: Turn) -> str:
    return turn.finish or ("tool_use" if turn.tools else "end_turn")


def _input_counts(usage: Usage | None) -> dict[str, object]:
    if usage is None or usage.input is msgspec.UNSET:
        return {}
    if not usage.cached or not isinstance(usage.input, int):
        return {"input_tokens": usage.input}
    # Here cached tokens stand beside the input, not inside it.
    fresh = usage.input - usage.cached
    return {"input_tokens": fresh, "cache_read_input_tokens": usage.cached}


def _output_counts(usage: Usage | None) -> dict[str, object]:
    if usage is None or usage.output is msgspec.UNSET:
        return {}
    return {"output_tokens": usage.output}
