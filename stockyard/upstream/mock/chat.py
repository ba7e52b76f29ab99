"""The mock provider's side of `openai.chat`."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, json

from stockyard.upstream.mock.dialect import Frames, Piece, Signature
from stockyard.upstream.mock.mock_request import MOST_CHOICES, MockRequest, Tool
from stockyard.upstream.mock.reply import MockReply, cut, pieces_of, reply_to

name = "openai.chat"
reply = reply_to
request_id = b"x-request-id"
broken = b'data: {"id":"chatcmpl-\n\n'

_FINISH = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
}
_ERRORS = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class _Part(Struct):
    text: str | None = None


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class _Function(Struct):
    name: str
    parameters: Any = None


class _Tool(Struct):
    function: _Function | None = None


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _JsonSchema(Struct):
    schema: Any = None


class _ResponseFormat(Struct):
    type: str
    json_schema: _JsonSchema | None = None


class _Request(Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Tool | None = None
    response_format: _ResponseFormat | None = None


_decoder = json.Decoder(_Request)


def read(body: bytes) -> MockRequest:
    request = _decoder.decode(body)
    last = request.messages[-1] if request.messages else None
    texts = [message.text for message in request.messages]
    tools, choice = _tools(request)
    if request.tools:
        texts.append(json.encode(request.tools).decode())
    form = request.response_format
    limit = request.max_completion_tokens
    return MockRequest(
        model=request.model,
        stream=bool(request.stream),
        wants_usage=bool(request.stream_options and request.stream_options.include_usage),
        prompt=last.text if last is not None and last.role == "user" else "",
        texts=tuple(texts),
        answers_tools=last is not None and last.role == "tool",
        tools=tools,
        choice=choice,
        json=form is not None and form.type in ("json_object", "json_schema"),
        schema=form.json_schema.schema if form and form.json_schema else None,
        stop=(request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ()),
        max_tokens=limit if limit is not None else request.max_tokens,
        n=min(max(request.n or 1, 1), MOST_CHOICES),
    )


def _tools(request: _Request) -> tuple[tuple[Tool, ...], Any]:
    functions = [tool.function for tool in request.tools or () if tool.function]
    tools = tuple(Tool(function.name, function.parameters) for function in functions)
    choice = request.tool_choice
    if isinstance(choice, _Tool):
        wanted = choice.function.name if choice.function else ""
        return tuple(tool for tool in tools if tool.name == wanted), "named"
    if choice == "none":
        return (), "auto"
    return tools, "required" if choice == "required" else "auto"


def whole(request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": None}
    if reply.thoughts:
        message["reasoning_content"] = reply.thoughts
    choices = []
    for index in range(request.n):
        if reply.calls:
            calls = [_call(reply, signature, index, at) for at in range(len(reply.calls))]
            message = {**message, "content": None, "tool_calls": calls}
        choices.append(
            {
                "index": index,
                "message": message,
                "logprobs": None,
                "finish_reason": _FINISH[reply.finish],
            }
        )
    return json.encode(
        {
            "id": _id(signature),
            "object": "chat.completion",
            "created": signature.created,
            "model": signature.model,
            "choices": choices,
            "usage": _usage(reply),
        }
    )


def frames(request: MockRequest, reply: MockReply, signature: Signature) -> Frames:
    start, end = _around(request, signature)

    def chunk(index: int, delta: dict[str, Any], finish: bytes = b"null") -> bytes:
        return b'%b{"index":%d,"delta":%b,"logprobs":null,"finish_reason":%b}]%b' % (
            start, index, json.encode(delta), finish, end
        )  # fmt: skip

    content = None if reply.calls else ""
    choices = range(request.n)
    finish = json.encode(_FINISH[reply.finish])
    closing = b"".join(chunk(i, {}, finish) for i in choices)
    if request.wants_usage:
        closing += b'%b],"usage":%b}\n\n' % (start, json.encode(_usage(reply)))
    return Frames(
        b"".join(chunk(i, {"role": "assistant", "content": content}) for i in choices),
        (Piece(chunk(i, delta), text) for i, delta, text in _deltas(request, reply, signature)),
        closing + b"data: [DONE]\n\n",
    )


def _deltas(
    request: MockRequest, reply: MockReply, signature: Signature
) -> Iterator[tuple[int, dict[str, Any], str]]:
    choices = range(request.n)
    for field, said in (("reasoning_content", reply.thoughts), ("content", reply.text)):
        for text in pieces_of(said):
            for i in choices:
                yield i, {field: text}, text
    for i in choices:
        for at in range(len(reply.calls)):
            for text, delta in _call_deltas(reply, signature, i, at):
                yield i, {"tool_calls": [delta]}, text


def error(status: int, message: str, signature: Signature) -> bytes:
    kind = _ERRORS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    said = {"message": message, "type": kind, "param": None, "code": _CODES.get(status)}
    return json.encode({"error": said})


def _around(request: MockRequest, signature: Signature) -> tuple[bytes, bytes]:
    """The beginning and the end that all chunks of an answer have in common."""
    head = {
        "id": _id(signature),
        "object": "chat.completion.chunk",
        "created": signature.created,
        "model": signature.model,
    }
    start = b'data: %b,"choices":[' % json.encode(head)[:-1]
    return start, b',"usage":null}\n\n' if request.wants_usage else b"}\n\n"


def _call(reply: MockReply, signature: Signature, choice: int, at: int) -> dict[str, Any]:
    call = reply.calls[at]
    return {
        "id": f"call_mock{signature.number}x{choice}x{at}",
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _call_deltas(
    reply: MockReply, signature: Signature, choice: int, at: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    call = reply.calls[at]
    opened = _call(reply, signature, choice, at)
    opened["function"] = {"name": call.name, "arguments": ""}
    yield call.name, {"index": at, **opened}
    for part in cut(call.arguments):
        yield part, {"index": at, "function": {"arguments": part}}


def _id(signature: Signature) -> str:
    return f"chatcmpl-mock{signature.number}"


def _usage(reply: MockReply) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
    if reply.thought_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": reply.thought_tokens}
    return usage
