"""Messages, both ways.

Calls may come without ids, and results with the name of their tool or with nothing to tell which
call they answer. Inside, every call has an id: a call without one gets the one its result names, or
one that is always the same, and a result goes with the first call it fits that has none yet.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Image,
    Message,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.wire.arguments import compact, given_to
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.inexpressible import refuse_inexpressible
from stockyard.wire.layout import has_word, layout_of, own_fields, with_layout
from stockyard.wire.media import sniffed, unbroken
from stockyard.wire.ollama_chat.places import CHAT as FORMAT
from stockyard.wire.read_out import as_text, is_text
from stockyard.wire.surrogates import whole
from stockyard.wire.tool_ids import missing_id
from stockyard.wire.tool_messages import joined, spoken

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")

NO_IMAGES = "images"
"""Word of a shape: the client sent an empty list of them."""
NO_ID = "no_id"
"""Layout of a call that came without one."""
BY_ID, BY_NAME, BY_ORDER = "id", "name", "order"
"""Layout words of a result: how it named the call it answers."""


def decode_messages(items: list[Any]) -> tuple[Message, ...]:
    open_calls = _OpenCalls()
    return joined(
        _decode_message(Fields(item, f"messages[{i}]"), items, i, open_calls)
        for i, item in enumerate(items)
    )


def decode_assistant(fields: Fields, ids: str, first: int = 0) -> Message:
    """An assistant message, of a request or of an answer: thinking, content, images, calls.

    The ids of calls that have none are made from `ids` and their number, of which `first` is the
    first.
    """
    fields.any("role")
    parts: list[AnyPart] = []
    if thinking := fields.text("thinking"):
        parts.append(Reasoning(text=thinking, extra={FORMAT: {}}))
    parts += _decode_content(fields)
    for i, call in enumerate(fields.items("tool_calls") or ()):
        path = f"{fields.at('tool_calls')}[{i}]"
        parts.append(_decode_call(Fields(call, path), ids, first + i))
    return Message(role="assistant", parts=tuple(parts), extra=fields.left(FORMAT))


def encode_messages(messages: Sequence[Message], drops: Drops) -> list[dict[str, Any]]:
    encoded: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        drops.foreign(message.extra, "messages")
        if message.name is not None:
            drops.add("messages.name")
        if any(part.cache for part in message.parts):
            drops.add("cache_control")
        if message.role == "tool":
            encoded += _encode_results(message, names, drops)
            continue
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        encoded.append(encode_message(message, drops))
    return encoded


def encode_message(message: Message, drops: Drops) -> dict[str, Any]:
    """The fields of any message but the result of a tool, of a request or of an answer."""
    content = _content(message.parts, drops)
    if not content["content"] and "images" not in content:
        refuse_inexpressible(message)
    item: dict[str, Any] = {"role": message.role, **content}
    if has_word(message.shape, NO_IMAGES):
        item.setdefault("images", [])
    if thinking := "".join(_thoughts(message.parts, drops)):
        item["thinking"] = thinking
    calls = [
        call
        for part in message.parts
        if isinstance(part, ToolCall) and (call := encode_call(part, drops)) is not None
    ]
    if calls:
        item["tool_calls"] = calls
    return {**own_fields(message.extra, FORMAT), **item}


def encode_call(call: ToolCall, drops: Drops, index: int | None = None) -> dict[str, Any] | None:
    """A call; numbered in answers. None for one that another provider made and ran itself."""
    if call.kind == "server":
        drops.add("messages.content.server_tool_use")
        return None
    drops.foreign(call.extra, "messages.tool_calls")
    own = own_fields(call.extra, FORMAT)
    number = {} if index is None else {"index": index}
    function = {**number, **own.get("function", {}), "name": call.name}
    function["arguments"] = given_to(call, drops)
    head = {} if layout_of(call.extra, FORMAT) == NO_ID or not call.id else {"id": call.id}
    return {**own, **head, "function": function}


def decode_images(fields: Fields) -> tuple[Image, ...]:
    return tuple(
        Image(data=data, media_type=sniffed(data, "image/png"))
        for data in map(unbroken, fields.texts("images") or ())
    )


def encode_content(parts: tuple[AnyPart, ...], drops: Drops) -> tuple[str, list[str]]:
    """What is said and shown: one text, and the data of the images."""
    images: list[str] = []
    for part in parts:
        if isinstance(part, Image) and part.data is not None:
            images.append(part.data)
        elif not is_text(part) and not isinstance(part, Reasoning | ToolCall | ToolResult):
            drops.add(f"messages.content.{part.__struct_config__.tag}")
            continue
        if not isinstance(part, Reasoning):
            # Reasoning is handled, and its loss reported, separately.
            drops.foreign(part.extra, "messages.content")
    return as_text(parts), images


class _OpenCalls:
    """The tool calls that have no result yet."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: list[ToolCall] = []

    def add(self, message: Message) -> None:
        self._calls = [part for part in message.parts if isinstance(part, ToolCall)]

    def answered(self, call_id: str | None, name: str | None) -> ToolCall | None:
        """Take the open call that a result answers."""
        fitting = (
            call
            for call in self._calls
            if (call.id == call_id if call_id else name in (None, call.name))
        )
        found = next(fitting, None)
        if found is not None:
            self._calls.remove(found)
        return found


def _decode_message(
    fields: Fields, items: list[Any], position: int, open_calls: _OpenCalls
) -> Message:
    said = fields.required_text("role")
    role = next((role for role in ROLES if role == said), None)
    if role is None:
        raise FieldError(fields.at("role"), f"one of {', '.join(ROLES)}")
    if role == "tool":
        return Message(role="tool", parts=(_decode_result(fields, open_calls),))
    shape = NO_IMAGES if fields.rest.get("images") == [] else None
    if role == "assistant":
        message = replace(decode_assistant(fields, f"turn {position}"), shape=shape)
        message = _with_ids_of_results(message, items, position + 1)
        open_calls.add(message)
        return message
    parts = _decode_content(fields)
    return Message(role=role, parts=parts, shape=shape, extra=fields.left(FORMAT))


def _with_ids_of_results(message: Message, items: list[Any], first: int) -> Message:
    """Calls without an id get the one that a result names: some clients leave it out only here."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    known = {call.id for call in calls if layout_of(call.extra, FORMAT) != NO_ID}
    if len(known) == len(calls):
        return message
    told = _ids_of_results(items, first, known)

    def with_id(part: AnyPart) -> AnyPart:
        if not isinstance(part, ToolCall) or layout_of(part.extra, FORMAT) != NO_ID:
            return part
        ids = told.get(part.name) or told.get("")
        return replace(part, id=ids.popleft()) if ids else part

    return replace(message, parts=tuple(with_id(part) for part in message.parts))


def _ids_of_results(items: list[Any], first: int, known: set[str]) -> Mapping[str, deque[str]]:
    """The unknown ids of the results from there on, by the tool they name; empty: by none."""
    told: dict[str, deque[str]] = defaultdict(deque)
    for place in range(first, len(items)):
        item = items[place]
        if not isinstance(item, dict) or item.get("role") != "tool":
            break
        call_id, name = item.get("tool_call_id"), item.get("tool_name")
        if isinstance(call_id, str) and call_id and call_id not in known:
            known.add(call_id)
            told[name if isinstance(name, str) else ""].append(call_id)
    return told


def _decode_content(fields: Fields) -> tuple[AnyPart, ...]:
    text = fields.text("content")
    return (*((Text(text=text),) if text else ()), *decode_images(fields))


def _decode_call(fields: Fields, ids: str, position: int) -> ToolCall:
    call_id, function = fields.text("id"), fields.inside("function")
    if function is None:
        raise FieldError(fields.at("function"), "an object")
    name, given = function.required_text("name"), function.any("arguments")
    arguments = whole(given) if isinstance(given, str) else compact({} if given is None else given)
    if function.rest:
        fields.rest["function"] = function.rest
    return ToolCall(
        id=call_id or missing_id(ids, 0, position, name),
        name=name,
        arguments=arguments,
        extra=with_layout(fields.left(FORMAT), FORMAT, "" if call_id else NO_ID),
    )


def _decode_result(fields: Fields, open_calls: _OpenCalls) -> ToolResult:
    call_id, name = fields.text("tool_call_id"), fields.text("tool_name")
    # Some clients name no tool with an empty name.
    call = open_calls.answered(call_id, name or None)
    if name is not None and (call is None or call.name != name):
        fields.rest["tool_name"] = name
        name = None
    parts = _decode_content(fields)
    words = [BY_ID * (call_id is not None), BY_NAME * (name is not None)]
    layout = " ".join(word for word in words if word) or BY_ORDER
    return ToolResult(
        call_id=call_id or (call.id if call is not None else ""),
        parts=parts,
        extra=with_layout(fields.left(FORMAT), FORMAT, layout),
    )


def _encode_results(
    message: Message, names: Mapping[str, str], drops: Drops
) -> Iterator[dict[str, Any]]:
    pictures: list[AnyPart] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            pictures.append(part)
            continue
        drops.foreign(part.extra, "messages.content")
        layout = layout_of(part.extra, FORMAT)
        item: dict[str, Any] = {**own_fields(part.extra, FORMAT), "role": "tool"}
        if layout:
            item |= _content(part.parts, drops)
        else:
            item |= _content(spoken(part), drops)
            pictures += [p for p in part.parts if isinstance(p, Image)]
        name = names.get(part.call_id)
        if name is not None and has_word(layout or BY_NAME, BY_NAME):
            item["tool_name"] = name
        if part.call_id and has_word(layout or BY_ID, BY_ID):
            item["tool_call_id"] = part.call_id
        yield item
    if pictures:
        # The templates of most models show images of the user only.
        yield {"role": "user", **_content(tuple(pictures), drops)}


def _content(parts: tuple[AnyPart, ...], drops: Drops) -> dict[str, Any]:
    text, images = encode_content(parts, drops)
    return {"content": text, **({"images": images} if images else {})}


def _thoughts(parts: tuple[AnyPart, ...], drops: Drops) -> Iterator[str]:
    """The thinking that can be sent back: what no other provider has sealed."""
    for part in parts:
        if isinstance(part, Reasoning):
            if part.made_by is None:
                yield part.text or "".join(part.summary)
            else:
                drops.add("messages.content.thinking")
