"""Chat completions as a provider writes them: whole, as an event stream, and as errors."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stockyard.testing.frames import Frame
from stockyard.testing.turn import Failure, ToolCall, Turn, Usage

_ID, _CREATED = "chatcmpl-scripted", 1_760_000_000

# status -> (type, code), as the service sends them; see wire.md 4.1.
_ERRORS: dict[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def whole(turn: Turn, request: Mapping[str, Any]) -> bytes:
    message: dict[str, object] = {"role": "assistant", "content": turn.text or None}
    message |= {"refusal": None, "annotations": []}
    if turn.reasoning:
        message["reasoning_content"] = "".join(turn.reasoning)
    if turn.tools:
        message["tool_calls"] = [_called(tool) for tool in turn.tools]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(turn)}
    body = _envelope("chat.completion", request) | {"choices": [choice]}
    if turn.usage is not None:
        body["usage"] = usage_object(turn.usage)
    return msgspec.json.encode(body | {"system_fingerprint": "fp_scripted"})


def frames(turn: Turn, request: Mapping[str, Any], *, counts_unasked: bool) -> list[Frame]:
    asked = bool((request.get("stream_options") or {}).get("include_usage")) or counts_unasked
    # With include_usage every chunk before the last one says `usage: null`.
    base = _envelope("chat.completion.chunk", request) | ({"usage": None} if asked else {})

    def chunk(delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(base | {"choices": [choice]})

    out = [Frame("open", chunk({"role": "assistant", "content": "" if turn.pieces else None}))]
    out += [Frame("content", chunk(delta)) for delta in _deltas(turn)]
    out.append(Frame("finish", chunk({}, _finish(turn))))
    if asked and turn.usage is not None:
        counts = {"choices": [], "usage": usage_object(turn.usage)}
        out.append(Frame("usage", _event(base | counts)))
    return [*out, Frame("end", b"data: [DONE]\n\n")]


def error_body(failure: Failure) -> bytes:
    kind, code = _ERRORS.get(
        failure.status,
        ("server_error" if failure.status >= 500 else "invalid_request_error", None),
    )
    error = {
        "message": failure.message,
        "type": failure.kind or kind,
        "param": None,
        "code": failure.code or code,
    }
    return msgspec.json.encode({"error": error})


def error_event(failure: Failure) -> bytes:
    return b"data: " + error_body(failure) + b"\n\n"


def _deltas(turn: Turn) -> Iterator[dict[str, object]]:
    for piece in turn.reasoning:
        yield {"reasoning_content": piece}
    for piece in turn.pieces:
        yield {"content": piece}
    for index, tool in enumerate(turn.tools):
        first = {"name": tool.name, "arguments": tool.pieces[0]}
        opening = {"index": index, "id": tool.id, "type": "function", "function": first}
        yield {"tool_calls": [opening]}
        for piece in tool.pieces[1:]:
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _envelope(kind: str, request: Mapping[str, Any]) -> dict[str, object]:
    model = request.get("model", "scripted")
    return {"id": _ID, "object": kind, "created": _CREATED, "model": model}


def _event(body: Mapping[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _called(tool: ToolCall) -> dict[str, object]:
    function = {"name": tool.name, "arguments": tool.arguments}
    return {"id": tool.id, "type": "function", "function": function}


def _finish(turn: Turn) -> str:
    return turn.finish or ("tool_calls" if turn.tools else "stop")


def usage_object(usage: Usage) -> dict[str, object]:
    """What completions say too."""
    counts = {"prompt_tokens": usage.input, "completion_tokens": usage.output}
    if isinstance(usage.input, int) and isinstance(usage.output, int):
        counts["total_tokens"] = usage.input + usage.output
    if usage.cached:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    return {name: count for name, count in counts.items() if count is not msgspec.UNSET}
