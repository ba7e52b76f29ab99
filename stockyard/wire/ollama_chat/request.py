"""Chat requests, both ways.

Whether a stream is wanted is always written: in this format it is, unless the request says no. What
law 6 of `wire.md` 1 does not keep when a request is written again: explicit nulls of known fields.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from stockyard.core.request import Content, Request, Tool, ToolChoice
from stockyard.wire import strict
from stockyard.wire.codec import Dropped
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.function_tools import encode_function
from stockyard.wire.layout import has_word, own_fields
from stockyard.wire.ollama_chat.messages import decode_messages, encode_messages
from stockyard.wire.ollama_chat.options import (
    NO_TOOLS,
    shape_of,
    take_form,
    take_options,
    take_thinking,
    write_form,
    write_options,
    write_thinking,
)
from stockyard.wire.ollama_chat.places import CHAT as FORMAT


def decode_request(body: bytes) -> Content:
    return _decode(Fields(strict.parse(body)))


def _decode(fields: Fields) -> Content:
    fields.any("model")
    fields.any("stream")
    # A request without messages loads the model.
    messages, shape = fields.items("messages") or [], shape_of(fields)
    return Content(
        messages=decode_messages(messages),
        tools=tuple(_decode_tools(fields.items("tools") or ())),
        output=take_form(fields),
        reasoning=take_thinking(fields, FORMAT),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.integer("top_logprobs"),
        **take_options(fields),
        extra=fields.left(FORMAT),
        shape=shape,
    )


def encode_request(request: Request) -> Dropped:
    content, drops = request.content, Drops(FORMAT)
    drops.foreign(content.extra)
    drops.beside(content.messages)
    own = own_fields(content.extra, FORMAT)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": encode_messages(content.messages, drops),
        **write_options(content, own, drops),
        **write_form(content, drops),
        **write_thinking(content.reasoning, FORMAT, drops),
        "stream": request.stream,
    }
    tools = _encode_tools(content.tools, content.tool_choice, drops)
    if tools or has_word(content.shape, NO_TOOLS):
        body["tools"] = tools
    if content.parallel_tools is False:
        drops.add("parallel_tool_calls")
    if content.logprobs is not None:
        body["logprobs"] = content.logprobs
    if content.top_logprobs is not None:
        body["top_logprobs"] = content.top_logprobs
    return Dropped(msgspec.json.encode({**own, **body}), drops.names)


def _decode_tools(items: Sequence[Any]) -> Iterable[Tool]:
    for i, item in enumerate(items):
        fields = Fields(item, f"tools[{i}]")
        fields.any("type")
        function = fields.inside("function")
        if function is None:
            raise FieldError(fields.at("function"), "an object")
        name, description = function.required_text("name"), function.text("description")
        schema = function.any("parameters")
        if function.rest:
            fields.rest["function"] = function.rest
        yield Tool(name=name, description=description, schema=schema, extra=fields.left(FORMAT))


def _encode_tools(
    tools: Sequence[Tool], choice: ToolChoice | None, drops: Drops
) -> list[dict[str, Any]]:
    """The tools that may be called. There is no tool choice: tools that must not be called are left
    out, and that one must be called cannot be said."""
    if choice is not None:
        drops.foreign(choice.extra, "tool_choice")
        if choice.mode in ("required", "named") or choice.required:
            drops.add("tool_choice")
        if choice.mode == "none":
            return []
    named = choice.names if choice is not None and choice.mode in ("named", "allowed") else None
    encoded = []
    for tool in tools:
        if tool.kind == "server":
            drops.add(f"tools.{tool.name}")
        elif named is None or tool.name in named:
            encoded.append(_encode_tool(tool, drops))
    return encoded


def _encode_tool(tool: Tool, drops: Drops) -> dict[str, Any]:
    drops.foreign(tool.extra, "tools")
    if tool.strict:
        drops.add("tools.function.strict")
    if tool.cache is not None:
        drops.add("cache_control")
    return encode_function(tool, FORMAT)
