"""The `input` of a request, both ways: items to messages and back.

Consecutive items of the model become one message, because other formats want a call and the text
before it together; consecutive results become one message of results.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Role, ToolCall, ToolResult
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.layout import has_word, own_fields, words
from stockyard.wire.openai_responses.answered_calls import with_all_results
from stockyard.wire.openai_responses.calls import Names, decode_result, encode_result
from stockyard.wire.openai_responses.parts import (
    FORMAT,
    decode_content,
    encode_content,
    is_bare,
    remembered,
    type_of,
)
from stockyard.wire.openai_responses.turn import decode_item, encode_turn
from stockyard.wire.tool_ids import unknown_call
from stockyard.wire.tool_messages import with_short_ids

INSTRUCTIONS = "instructions"
"""Shape of the system message that came as `instructions`."""
STRING = "string"
"""Shape of the one message that came as the whole `input`."""

ITEM = "item"
"""Shape of a message that came as an item of the `input`."""

DEVELOPER = "developer"
"""Shape of a system message under its newer name; chat says it so, too."""

_TYPED, _LISTED = "typed", "parts"
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})


def decode_input(said: Any, names: Names) -> tuple[Message, ...]:
    if said is None:
        return ()
    if isinstance(said, str):
        parts = decode_content(said, "input")
        return (Message(role="user", parts=parts, shape=STRING),)
    if not isinstance(said, list):
        raise FieldError("input", "a string or an array of items")
    messages: list[Message] = []
    answered = {_call_id(item) for item in said if _is_result(item)}
    for i, item in enumerate(said):
        # A call with a result is of the client's own tool, even if it declares that no longer.
        known = Names() if _call_id(item) in answered else names
        _join(messages, _decode(Fields(item, f"input[{i}]"), item, known))
    return tuple(messages)


LONGEST_ID = 64
"""Characters of the id of a call; longer ones are refused."""


def encode_input(messages: Sequence[Message], drops: Drops, names: Names, *, complete: bool) -> Any:
    """`complete`: no earlier turn is kept elsewhere, so a result without its call is refused."""
    if len(messages) == 1 and has_word(messages[0].shape, STRING) and is_bare_message(messages[0]):
        return messages[0].text
    if complete:
        messages = with_short_ids(messages, LONGEST_ID)
    items: list[dict[str, Any]] = []
    custom: set[str] = set()
    asked: set[str] = set()
    for message in messages:
        drops.foreign(message.extra, "input")
        if message.name is not None:
            drops.add("input.name")
        if message.role == "assistant":
            items += encode_turn(message.parts, drops, names, answer=False)
            calls = [part for part in message.parts if isinstance(part, ToolCall)]
            asked |= {call.id for call in calls}
            custom |= {c.id for c in calls if c.kind == "custom" or c.name in names.custom}
        elif message.role == "tool":
            known = _answering(message, asked, drops) if complete else message
            items += _encode_results(known, drops, custom)
        else:
            items += _encode_plain(message, drops)
    return with_all_results(items, drops, names) if complete else items


def is_bare_message(message: Message) -> bool:
    return len(message.parts) == 1 and is_bare(message.parts[0])


def _is_result(item: Any) -> bool:
    kind = item.get("type") if isinstance(item, dict) else None
    return isinstance(kind, str) and kind in _RESULTS


def _call_id(item: Any) -> str | None:
    call_id = item.get("call_id") if isinstance(item, dict) else None
    return call_id if isinstance(call_id, str) else None


def _decode(fields: Fields, item: Any, names: Names) -> Message:
    kind = type_of(fields)
    if kind in _RESULTS:
        return Message(role="tool", parts=(decode_result(fields),))
    if kind != "message" or fields.rest.get("role") == "assistant":
        said_by_model = decode_item(item, fields.path, names, answer=False)
        return Message(role="assistant", parts=tuple(said_by_model))
    said = fields.required_text("role")
    if said not in _ROLES:
        raise FieldError(fields.at("role"), f"one of {', '.join(_ROLES)}")
    content = fields.any("content")
    shape = words(
        ITEM,
        _TYPED if fields.any("type") is not None else None,
        _LISTED if isinstance(content, list) else None,
        DEVELOPER if said == "developer" else None,
    )
    parts = decode_content(content, fields.at("content"))
    return Message(role=_ROLES[said], parts=parts, shape=shape, extra=fields.left(FORMAT))


def _join(messages: list[Message], message: Message) -> None:
    last = messages[-1] if messages else None
    if last is not None and last.role == message.role and _continues(last, message):
        messages[-1] = replace(last, parts=last.parts + message.parts)
    else:
        messages.append(message)


def _continues(last: Message, message: Message) -> bool:
    """Results follow results. A second text of the model is a message of its own, unless calls
    before it stand open."""
    if message.role != "assistant":
        return message.role == "tool"
    speaks = "item" in remembered(message.parts[0].extra)
    spoken = any("item" in remembered(part.extra) for part in last.parts)
    return not (speaks and spoken) or any(isinstance(p, ToolCall) for p in last.parts)


def _encode_plain(message: Message, drops: Drops) -> list[dict[str, Any]]:
    parts = message.parts
    content: Any = encode_content(parts, drops, spoken=False)
    if parts and not content:
        return []
    if not parts and not has_word(message.shape, _LISTED):
        content = ""
    if len(parts) == 1 and is_bare(parts[0]) and not has_word(message.shape, _LISTED):
        content = content[0]["text"]
    role: str = message.role
    if has_word(message.shape, DEVELOPER):
        role = "developer"
    kind = {"type": "message"} if has_word(message.shape, _TYPED) else {}
    return [{**own_fields(message.extra, FORMAT), **kind, "role": role, "content": content}]


def _answering(message: Message, asked: set[str], drops: Drops) -> Message:
    """The message without results of calls that nobody made (`wire.md` 8)."""
    kept = []
    for part in message.parts:
        if isinstance(part, ToolResult) and part.call_id not in asked:
            drops.add(unknown_call(part.call_id))
        else:
            kept.append(part)
    return message if len(kept) == len(message.parts) else replace(message, parts=tuple(kept))


def _encode_results(message: Message, drops: Drops, custom: set[str]) -> list[dict[str, Any]]:
    items = []
    others: list[AnyPart] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            items.append(encode_result(part, drops, custom=part.call_id in custom))
        else:
            others.append(part)
    if others:
        items += _encode_plain(Message(role="user", parts=tuple(others)), drops)
    return items
