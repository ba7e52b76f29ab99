"""Messages of a request, both ways.

The thinking before a tool call may stand in `tool_plan`. Only texts can be the result of a tool.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Document,
    Image,
    Message,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.wire.arguments import compact
from stockyard.wire.cohere_chat.parts import (
    FORMAT,
    decode_parts,
    document_of,
    encode_parts,
    thought,
)
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.inexpressible import refuse_inexpressible
from stockyard.wire.layout import has_word, is_blank_elsewhere, layout_of, own_fields, with_layout
from stockyard.wire.read_out import as_text, is_text, text_of
from stockyard.wire.tool_messages import joined, spoken

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
LISTED = "list"
"""Shape of a message, and layout of a tool's result, whose content is a list."""
PLAN = "tool_plan"
"""Layout of thinking that stood there."""


def decode_messages(items: list[Any]) -> tuple[Message, ...]:
    return joined(_decode_message(Fields(item, f"messages[{i}]")) for i, item in enumerate(items))


def decode_assistant(fields: Fields) -> Message:
    """An assistant message, of a request or of an answer: plan, content, calls."""
    fields.any("role")
    parts: list[AnyPart] = []
    if isinstance(fields.rest.get(PLAN), str):
        extra = with_layout({}, FORMAT, PLAN)
        parts.append(Reasoning(text=fields.text(PLAN) or "", extra=extra))
    content = fields.any("content")
    parts += decode_parts(content, fields.at("content"))
    parts += [
        _decode_call(Fields(call, f"{fields.at('tool_calls')}[{i}]"))
        for i, call in enumerate(fields.items("tool_calls") or ())
    ]
    return Message(
        role="assistant",
        parts=tuple(parts),
        shape=LISTED if isinstance(content, list) else None,
        extra=fields.left(FORMAT),
    )


def encode_messages(
    messages: Sequence[Message], drops: Drops
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The messages, and the documents that this format wants beside them."""
    encoded: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []
    for message in messages:
        drops.foreign(message.extra, "messages")
        if message.name is not None:
            drops.add("messages.name")
        if any(part.cache for part in message.parts):
            drops.add("cache_control")
        if message.role == "tool":
            encoded += _encode_results(message, drops)
        elif message.role == "assistant":
            encoded.append(encode_assistant(_without_sealed_thoughts(message, drops), drops))
        else:
            spoken, found = _without_documents(message.parts, drops)
            documents += found
            if item := _encode_plain(replace(message, parts=spoken), drops):
                encoded.append(item)
    return encoded, documents


def encode_assistant(message: Message, drops: Drops) -> dict[str, Any]:
    """The fields of an assistant message, of a request or of an answer."""
    item: dict[str, Any] = {"role": "assistant"}
    plans = [p for p in message.parts if layout_of(p.extra, FORMAT) == PLAN]
    if plans:
        item[PLAN] = "".join(thought(p) for p in plans if isinstance(p, Reasoning))
    spoken = tuple(p for p in message.parts if not isinstance(p, ToolCall) and p not in plans)
    if spoken or has_word(message.shape, LISTED):
        item["content"] = _content(spoken, drops, listed=has_word(message.shape, LISTED))
    calls = [p for p in message.parts if isinstance(p, ToolCall)]
    if said := [_encode_call(call, drops) for call in calls if call.kind != "server"]:
        item["tool_calls"] = said
    if len(said) < len(calls):
        drops.add("messages.content.server_tool_use")
    return {**own_fields(message.extra, FORMAT), **item}


def _decode_message(fields: Fields) -> Message:
    said = fields.required_text("role")
    role = next((role for role in ROLES if role == said), None)
    if role is None:
        raise FieldError(fields.at("role"), f"one of {', '.join(ROLES)}")
    if role == "assistant":
        return decode_assistant(fields)
    content = fields.any("content")
    parts = decode_parts(content, fields.at("content"))
    listed = isinstance(content, list)
    if role == "tool":
        call_id = fields.text("tool_call_id") or ""
        extra = with_layout(fields.left(FORMAT), FORMAT, LISTED if listed else "")
        return Message(role="tool", parts=(ToolResult(call_id=call_id, parts=parts, extra=extra),))
    return Message(
        role=role, parts=parts, shape=LISTED if listed else None, extra=fields.left(FORMAT)
    )


def _decode_call(fields: Fields) -> ToolCall:
    fields.any("type")
    call_id, function = fields.text("id") or "", fields.inside("function")
    if function is None:
        raise FieldError(fields.at("function"), "an object")
    name, said = function.required_text("name"), function.any("arguments")
    if function.rest:
        fields.rest["function"] = function.rest
    arguments = "" if said is None else said if isinstance(said, str) else compact(said)
    return ToolCall(id=call_id, name=name, arguments=arguments, extra=fields.left(FORMAT))


def _encode_call(call: ToolCall, drops: Drops) -> dict[str, Any]:
    drops.foreign(call.extra, "messages.tool_calls")
    own = own_fields(call.extra, FORMAT)
    text = call.arguments
    # A tool of free text takes an argument here, as it was declared.
    arguments = compact({"input": text}) if call.kind == "custom" else text or "{}"
    function = {**own.get("function", {}), "name": call.name, "arguments": arguments}
    return {**own, "id": call.id, "type": "function", "function": function}


def _without_sealed_thoughts(message: Message, drops: Drops) -> Message:
    """The message with the thinking that can be sent back: what no other provider has sealed.

    Before a call it is the plan, which every model takes.
    """
    called = any(isinstance(p, ToolCall) for p in message.parts)
    parts: list[AnyPart] = []
    for part in message.parts:
        if isinstance(part, Text) and is_blank_elsewhere(part, FORMAT):
            continue
        if not isinstance(part, Reasoning) or FORMAT in part.extra:
            parts.append(part)
        elif part.made_by is None and thought(part):
            extra = with_layout({}, FORMAT, PLAN) if called else {FORMAT: {}}
            parts.append(Reasoning(text=thought(part), extra=extra))
        else:
            drops.add("messages.content.thinking")
    if not parts:
        # A turn with nothing left is kept, so that roles still alternate.
        parts.append(Text(text=""))
    return replace(message, parts=tuple(parts))


def _without_documents(
    parts: tuple[AnyPart, ...], drops: Drops
) -> tuple[tuple[AnyPart, ...], list[dict[str, Any]]]:
    spoken: list[AnyPart] = []
    documents: list[dict[str, Any]] = []
    for part in parts:
        document = document_of(part) if isinstance(part, Document) else None
        if document is None:
            spoken.append(part)
        else:
            drops.foreign(part.extra, "messages.content")
            documents.append(document)
    return tuple(spoken), documents


def _encode_plain(message: Message, drops: Drops) -> dict[str, Any] | None:
    content = _content(message.parts, drops, listed=has_word(message.shape, LISTED))
    if message.parts and not content and content != "":
        refuse_inexpressible(message)
        return None
    return {**own_fields(message.extra, FORMAT), "role": message.role, "content": content}


def _content(parts: tuple[AnyPart, ...], drops: Drops, *, listed: bool) -> Any:
    single = parts[0] if len(parts) == 1 else None
    if isinstance(single, Text | Refusal) and not listed and FORMAT not in single.extra:
        return single.text
    if not parts and not listed:
        return ""
    return encode_parts(parts, drops)


def _encode_results(message: Message, drops: Drops) -> Iterator[dict[str, Any]]:
    pictures: list[AnyPart] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            pictures.append(part)
            continue
        drops.foreign(part.extra, "messages.content")
        own, head = own_fields(part.extra, FORMAT), {"role": "tool", "tool_call_id": part.call_id}
        if layout_of(part.extra, FORMAT) == LISTED:
            yield {**own, **head, "content": encode_parts(part.parts, drops)}
        else:
            pictures += [p for p in part.parts if isinstance(p, Image)]
            yield {**own, **head, "content": _result(part, drops)}
    if pictures:
        # The tool role takes text only: images follow in a message of the user.
        yield {"role": "user", "content": encode_parts(tuple(pictures), drops)}


def _result(result: ToolResult, drops: Drops) -> Any:
    parts = spoken(result)
    for part in parts:
        if isinstance(part, Document):
            drops.foreign(part.extra, "messages.content")
    if all(map(is_text, parts)):
        return as_text(parts)
    return encode_parts(tuple(map(_read_out, parts)), drops)


def _read_out(part: AnyPart) -> AnyPart:
    """A document of text as text; any other part as it is."""
    if not isinstance(part, Document) or part.text is None:
        return part
    return Text(text=text_of(part))
