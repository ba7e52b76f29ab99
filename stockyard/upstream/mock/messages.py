"""The mock provider's side of `anthropic.messages`."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from msgspec import Struct, json

from stockyard.upstream.mock.dialect import Frames, Piece, Signature
from stockyard.upstream.mock.mock_request import MockRequest, Tool
from stockyard.upstream.mock.reply import MockReply, cut, pieces_of, reply_to

name = "anthropic.messages"
reply = reply_to
request_id = b"request-id"
broken = b'event: content_block_delta\ndata: {"type":"content_block_del\n\n'

_FINISH = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "tool_calls": "tool_use",
}
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


class _Block(Struct):
    type: str = ""
    text: str | None = None


class _Message(Struct):
    role: str
    content: str | list[_Block]

    @property
    def text(self) -> str:
        return _text_of(self.content)

    @property
    def answers_tools(self) -> bool:
        return isinstance(self.content, list) and any(
            block.type == "tool_result" for block in self.content
        )


class _Tool(Struct):
    name: str
    input_schema: Any = None


class _ToolChoice(Struct):
    type: str
    name: str | None = None


class _OutputFormat(Struct):
    type: str
    schema: Any = None


class _OutputConfig(Struct):
    format: _OutputFormat | None = None


class _Counted(Struct):
    """The common part of both kinds of request."""

    model: str
    messages: list[_Message]
    system: str | list[_Block] | None = None
    tools: list[_Tool] | None = None


class _Request(_Counted, kw_only=True):
    max_tokens: int
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    tool_choice: _ToolChoice | None = None
    output_config: _OutputConfig | None = None


_decoder = json.Decoder(_Request)
_counted_decoder = json.Decoder(_Counted)


def read(body: bytes) -> MockRequest:
    request = _decoder.decode(body)
    last = request.messages[-1] if request.messages else None
    tools, choice = _tools(request)
    form = request.output_config.format if request.output_config else None
    return MockRequest(
        model=request.model,
        stream=bool(request.stream),
        prompt=last.text if last is not None and last.role == "user" else "",
        texts=_texts(request),
        answers_tools=last is not None and last.answers_tools,
        tools=tools,
        choice=choice,
        json=form is not None and form.type == "json_schema",
        schema=form.schema if form else None,
        stop=tuple(request.stop_sequences or ()),
        max_tokens=request.max_tokens,
    )


def counted_texts(body: bytes) -> tuple[str, ...]:
    """The texts to count in a request to `/count_tokens`."""
    return _texts(_counted_decoder.decode(body))


def _texts(request: _Counted) -> tuple[str, ...]:
    texts = [_text_of(request.system)] if request.system else []
    texts += (message.text for message in request.messages)
    if request.tools:
        texts.append(json.encode(request.tools).decode())
    return tuple(texts)


def _text_of(content: str | list[_Block] | None) -> str:
    if isinstance(content, list):
        return "".join(block.text or "" for block in content)
    return content or ""


def _tools(request: _Request) -> tuple[tuple[Tool, ...], Any]:
    tools = tuple(Tool(tool.name, tool.input_schema) for tool in request.tools or ())
    choice = request.tool_choice
    if choice is None or choice.type == "auto":
        return tools, "auto"
    if choice.type == "tool":
        return tuple(tool for tool in tools if tool.name == choice.name), "named"
    return ((), "auto") if choice.type == "none" else (tools, "required")


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    content: list[dict[str, Any]] = []
    if reply.thoughts:
        seal = _seal(reply.thoughts)
        content.append({"type": "thinking", "thinking": reply.thoughts, "signature": seal})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    content += (
        {**_use(reply, signature, at), "input": json.decode(call.arguments)}
        for at, call in enumerate(reply.calls)
    )
    message = _message(signature, content, _usage(reply))
    message["stop_reason"] = _FINISH[reply.finish]
    message["stop_sequence"] = reply.stopped_by
    return json.encode(message)


def frames(request: MockRequest, reply: MockReply, signature: Signature) -> Frames:
    start = _message(signature, [], {"input_tokens": reply.input_tokens, "output_tokens": 1})
    delta = {"stop_reason": _FINISH[reply.finish], "stop_sequence": reply.stopped_by}
    return Frames(
        _event("message_start", message=start) + _event("ping"),
        _blocks(reply, signature),
        _event("message_delta", delta=delta, usage=_usage(reply)) + _event("message_stop"),
    )


def error(status: int, message: str, signature: Signature) -> bytes:
    kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return json.encode(
        {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": f"req_mock{signature.number}",
        }
    )


def count(tokens: int) -> bytes:
    return json.encode({"input_tokens": tokens})


def _blocks(reply: MockReply, signature: Signature) -> Iterator[Piece]:
    """The content. A block's first piece contains its start event, and its last piece its stop."""
    index = 0
    if reply.thoughts:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [(t, {"type": "thinking_delta", "thinking": t}) for t in pieces_of(reply.thoughts)]
        deltas.append(("", {"type": "signature_delta", "signature": _seal(reply.thoughts)}))
        yield from _block(index, block, deltas)
        index += 1
    if reply.text:
        deltas = [(t, {"type": "text_delta", "text": t}) for t in pieces_of(reply.text)]
        yield from _block(index, {"type": "text", "text": ""}, deltas)
        index += 1
    for at, call in enumerate(reply.calls):
        parts = ["", *cut(call.arguments)]
        deltas = [(part, {"type": "input_json_delta", "partial_json": part}) for part in parts]
        yield from _block(index, {**_use(reply, signature, at), "input": {}}, deltas)
        index += 1


def _block(
    index: int, block: dict[str, Any], deltas: list[tuple[str, dict[str, str]]]
) -> Iterator[Piece]:
    before = _event("content_block_start", index=index, content_block=block)
    for at, (text, delta) in enumerate(deltas):
        last = at == len(deltas) - 1
        after = _event("content_block_stop", index=index) if last else b""
        yield Piece(before + _event("content_block_delta", index=index, delta=delta) + after, text)
        before = b""


def _event(type_: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), json.encode({"type": type_, **fields}))


def _message(signature: Signature, content: list[Any], usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_mock{signature.number}",
        "type": "message",
        "role": "assistant",
        "model": signature.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _use(reply: MockReply, signature: Signature, at: int) -> dict[str, Any]:
    id_ = f"toolu_mock{signature.number}x{at}"
    return {"type": "tool_use", "id": id_, "name": reply.calls[at].name}


def _usage(reply: MockReply) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "input_tokens": reply.input_tokens,
        "output_tokens": reply.output_tokens,
    }
    if reply.thought_tokens:
        usage["output_tokens_details"] = {"thinking_tokens": reply.thought_tokens}
    return usage


def _seal(thoughts: str) -> str:
    """In place of a signature: always the same for the same thoughts."""
    return b64encode(sha256(thoughts.encode()).digest()).decode()
