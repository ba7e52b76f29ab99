"""Messages of a chat request, both ways."""

from collections.abc import Iterator, Sequence, Set
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from stockyard.wire.codec import Traits
from stockyard.wire.drops import Drops
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.inexpressible import refuse_inexpressible
from stockyard.wire.layout import has_word, layout_of, own_fields, with_layout, words
from stockyard.wire.openai_chat.answered_calls import with_results_behind
from stockyard.wire.openai_chat.parts import FORMAT, cache_of, decode_parts, encode_parts
from stockyard.wire.openai_chat.reasoning import reasoning_fields, take_reasoning, text_field
from stockyard.wire.tool_ids import unknown_call
from stockyard.wire.tool_messages import joined, spoken, with_short_ids

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

_PLAIN_ROLES = ("system", "user", "assistant")
"""Those that are called alike here and in the neutral form."""

LONGEST_ID = 40
"""Characters of a call id; OpenAI refuses longer ones."""

_FILE_STUB = "[file: see the next message]"

EMPTIED = ("audio", "function_call")
"""Fields of an answer that some providers always send, with nothing in them."""


def decode_messages(items: list[Any]) -> tuple[Message, ...]:
    return joined(
        [
            _plain(item) or _decode_message(Fields(item, f"messages[{i}]"))
            for i, item in enumerate(items)
        ]
    )


def _plain(item: Any) -> Message | None:
    """A message that is a role and a text and nothing else, read quickly; None for any other."""
    if type(item) is not dict or len(item) != 2:
        return None
    role, content = item.get("role"), item.get("content")
    if type(content) is not str or role not in _PLAIN_ROLES:
        return None
    return Message(role=role, parts=(Text(text=content),))


def _decode_message(fields: Fields) -> Message:
    said = fields.required_text("role")
    role = _ROLES.get(said)
    if role is None:
        raise FieldError(fields.at("role"), f"one of {', '.join(_ROLES)}")
    if role == "tool":
        return _decode_tool_message(fields, said)
    if role == "assistant":
        return decode_assistant(fields)
    content = fields.any("content")
    parts = _marked(decode_parts(content, fields.at("content")), fields)
    listed = "list" if isinstance(content, list) else None
    developer = "developer" if said == "developer" else None
    return Message(
        role=role,  # type: ignore[arg-type]  # narrower than its type says
        parts=parts,
        name=fields.text("name"),
        shape=words(developer, listed),
        extra=fields.left(FORMAT),
    )


def decode_assistant(
    fields: Fields, preferred: str | None = None, *, keep_empty: bool = True
) -> Message:
    """An assistant message, of a request or of an answer: thinking, text, refusal, calls."""
    fields.any("role")
    parts: list[AnyPart] = take_reasoning(fields, preferred)
    content = as_text(fields.any("content"))
    if content != "" or keep_empty:
        parts += decode_parts(content, fields.at("content"))
    if refusal := fields.text("refusal"):
        parts.append(Refusal(text=refusal))
    for name in EMPTIED:
        if is_blank(fields.rest.get(name)):
            fields.any(name)
    if isinstance(fields.rest.get("audio"), dict):
        parts.append(_decode_audio(fields))
    calls = fields.items("tool_calls") or []
    parts += [
        decode_call(Fields(call, f"{fields.at('tool_calls')}[{i}]")) for i, call in enumerate(calls)
    ]
    if isinstance(fields.rest.get("function_call"), dict):
        parts.append(_decode_function_call(fields))
    return Message(
        role="assistant",
        parts=_marked(tuple(parts), fields),
        name=fields.text("name"),
        shape="list" if isinstance(content, list) else None,
        extra=fields.left(FORMAT),
    )


def as_text(content: Any) -> Any:
    """JSON that was asked for may come as the object itself, where its text belongs."""
    return _compact(content) if isinstance(content, dict) and "type" not in content else content


def is_blank(said: Any) -> bool:
    """Whether an object only names its fields."""
    return isinstance(said, dict) and not any(said.values())


def decode_call(fields: Fields) -> ToolCall:
    call_id, kind = fields.text("id") or "", fields.text("type")
    custom = kind == "custom"
    inner = fields.inside("custom" if custom else "function")
    if inner is None:
        raise FieldError(fields.at("function"), "an object")
    name, said = inner.required_text("name"), inner.any("input" if custom else "arguments")
    if inner.rest:
        fields.rest["custom" if custom else "function"] = inner.rest
    return ToolCall(
        id=call_id,
        name=name,
        arguments=said if isinstance(said, str) else _compact(said),
        signature=_take_signature(fields.rest),
        kind="custom" if custom else "function",
        cache=cache_of(fields),
        extra=fields.left(FORMAT),
    )


def encode_messages(
    messages: Sequence[Message], drops: Drops, *, developer: bool, traits: Traits
) -> list[dict[str, Any]]:
    encoded: list[dict[str, Any]] = []
    messages = with_short_ids(messages, LONGEST_ID)
    called = {p.id for message in messages for p in message.parts if isinstance(p, ToolCall)}
    for message in messages:
        drops.foreign(message.extra, "messages")
        if _loses_cache_mark(message):
            drops.add("cache_control")
        if message.role == "tool":
            encoded += _encode_tool_message(message, called, drops)
        elif message.role == "assistant":
            encoded.append(_encode_assistant_turn(message, drops, traits))
        else:
            item = _encode_plain(message, drops, developer=developer)
            if item is not None:
                encoded.append(item)
    return with_results_behind(encoded, drops)


def encode_assistant(message: Message, drops: Drops, default_field: str | None) -> dict[str, Any]:
    """The fields of an assistant message, of a request or of an answer."""
    item: dict[str, Any] = {"role": "assistant"}
    spoken = tuple(p for p in message.parts if isinstance(p, Text) or _in_list(p, message))
    if has_word(message.shape, "list"):
        item["content"] = encode_parts(spoken, drops)
    elif spoken:
        item["content"] = "".join(p.text for p in spoken if isinstance(p, Text))
    if message.name is not None:
        item["name"] = message.name
    thoughts = [p for p in message.parts if isinstance(p, Reasoning)]
    item |= reasoning_fields(thoughts, default_field)
    refusals = [
        p.text for p in message.parts if isinstance(p, Refusal) and not _in_list(p, message)
    ]
    if refusals:
        item["refusal"] = "".join(refusals)
    for part in message.parts:
        if isinstance(part, Audio):
            item["audio"] = audio_fields(part)
        elif isinstance(part, ToolCall):
            _add_call(item, part, drops)
        elif not isinstance(part, Text | Reasoning | Refusal) and not _in_list(part, message):
            drops.add(f"messages.content.{part.__struct_config__.tag}")
    return {**own_fields(message.extra, FORMAT), **item}


def encode_call(call: ToolCall) -> dict[str, Any]:
    inner = (
        {"name": call.name, "input": call.arguments}
        if call.kind == "custom"
        else {"name": call.name, "arguments": call.arguments}
    )
    own = own_fields(call.extra, FORMAT)
    if call.signature is not None and "extra_content" not in own:
        own["extra_content"] = {"google": {"thought_signature": call.signature}}
    field = "custom" if call.kind == "custom" else "function"
    if isinstance(own.get(field), dict):
        inner = {**own[field], **inner}
    head: dict[str, Any] = {"id": call.id} if call.id else {}
    return {**own, **head, "type": field, field: inner}


def audio_fields(part: Audio) -> dict[str, Any]:
    said = {"id": part.id, "data": part.data, "transcript": part.transcript}
    return {**own_fields(part.extra, FORMAT), **{k: v for k, v in said.items() if v is not None}}


def _decode_tool_message(fields: Fields, said: str) -> Message:
    content = fields.any("content")
    call_id = fields.text("tool_call_id") or ""
    legacy = said == "function"
    listed = isinstance(content, list)
    name = fields.text("name")
    if name is not None:
        fields.rest["name"] = name
    result = ToolResult(
        call_id=call_id,
        parts=decode_parts(content, fields.at("content")),
        cache=cache_of(fields),
        extra=with_layout(
            fields.left(FORMAT), FORMAT, "function" if legacy else "list" if listed else ""
        ),
    )
    return Message(role="tool", parts=(result,))


def _decode_audio(fields: Fields) -> Audio:
    audio = Fields(fields.any("audio"), fields.at("audio"))
    audio_id, data, transcript = audio.text("id"), audio.text("data"), audio.text("transcript")
    return Audio(id=audio_id, data=data, transcript=transcript, extra=audio.left(FORMAT))


def _decode_function_call(fields: Fields) -> ToolCall:
    """The form that came before tool calls: one call without an id."""
    call = Fields(fields.any("function_call"), fields.at("function_call"))
    name, arguments = call.required_text("name"), call.text("arguments")
    extra = with_layout(call.left(FORMAT), FORMAT, "function_call")
    return ToolCall(id="", name=name, arguments=arguments or "", extra=extra)


def _encode_plain(message: Message, drops: Drops, *, developer: bool) -> dict[str, Any] | None:
    role: str = message.role
    if developer and has_word(message.shape, "developer"):
        role = "developer"
    content: Any = encode_parts(message.parts, drops)
    if message.parts and not content:
        refuse_inexpressible(message)
        return None
    if not content and not has_word(message.shape, "list"):
        content = ""  # an empty list is refused
    single = message.parts[0] if len(message.parts) == 1 else None
    if (
        isinstance(single, Text)
        and not has_word(message.shape, "list")
        and FORMAT not in single.extra
    ):
        content = single.text
    item: dict[str, Any] = {"role": role, "content": content}
    if message.name is not None:
        item["name"] = message.name
    return {**own_fields(message.extra, FORMAT), **item}


def _encode_assistant_turn(message: Message, drops: Drops, traits: Traits) -> dict[str, Any]:
    if "reasoning_content_back" in traits:
        message = _unsealed(message, drops)
    thoughts = [p for p in message.parts if isinstance(p, Reasoning) and not _in_list(p, message)]
    field = _field_for(thoughts, traits)
    item = encode_assistant(message, drops, field)
    if thoughts and not reasoning_fields(thoughts, field):
        drops.add("messages.content.thinking")
    if not item.keys() & {"content", "tool_calls", "function_call", "refusal", "audio"}:
        # A turn of which nothing could be said keeps its place.
        item["content"] = ""
    return item


def _unsealed(message: Message, drops: Drops) -> Message:
    """The turn for a provider that refuses a call without the thinking before it (`wire.md` 4.12):
    it gets what anybody thought, without the seal that only its maker can read."""
    if not any(isinstance(p, ToolCall) for p in message.parts):
        return message
    parts = tuple(
        replace(p, signature=None, redacted=None, encrypted=None, made_by=None)
        if isinstance(p, Reasoning) and _is_foreign(p)
        else p
        for p in message.parts
    )
    if parts != message.parts:
        drops.add("messages.content.thinking.signature")
    return replace(message, parts=parts)


def _is_foreign(thought: Reasoning) -> bool:
    return thought.made_by not in (None, FORMAT)


def _field_for(thoughts: Sequence[Reasoning], traits: Traits) -> str | None:
    """The field for earlier reasoning; None if the provider takes none, or did not make it."""
    if "reasoning_details" in traits:
        return text_field(traits) or "reasoning"
    if any(map(_is_foreign, thoughts)) or not (
        text_field(traits) or "reasoning_content_back" in traits
    ):
        return None
    return text_field(traits) or "reasoning_content"


def _encode_tool_message(
    message: Message, called: Set[str], drops: Drops
) -> Iterator[dict[str, Any]]:
    pictures: list[AnyPart] = []
    for part in message.parts:
        if not isinstance(part, ToolResult):
            pictures.append(part)
            continue
        if part.call_id and part.call_id not in called:
            # The provider refuses a result without its call.
            drops.add(unknown_call(part.call_id))
            continue
        drops.foreign(part.extra, "messages.content")
        if layout_of(part.extra, FORMAT) == "list":
            # The client said it so in this format: its provider may well take images here.
            yield {**_result_head(part), "content": encode_parts(part.parts, drops)}
            continue
        pictures += [p for p in part.parts if isinstance(p, Image) or _is_file(p)]
        yield {**_result_head(part), "content": _result_content(part, drops)}
    if pictures:
        # Chat's tool role takes text only: images and files follow in a message of the user.
        yield {"role": "user", "content": encode_parts(tuple(pictures), drops)}


def _result_head(result: ToolResult) -> dict[str, Any]:
    own = own_fields(result.extra, FORMAT)
    if layout_of(result.extra, FORMAT) == "function":
        return {**own, "role": "function"}
    answered = {"tool_call_id": result.call_id} if result.call_id else {}
    return {**own, "role": "tool", **answered}


def _result_content(result: ToolResult, drops: Drops) -> Any:
    parts = tuple(Text(text=_FILE_STUB) if _is_file(p) else p for p in spoken(result))
    if all(isinstance(p, Text) and not own_fields(p.extra, FORMAT) for p in parts):
        return "".join(p.text for p in parts if isinstance(p, Text))
    return encode_parts(parts, drops)


def _is_file(part: AnyPart) -> bool:
    return isinstance(part, Document) and part.text is None


def _add_call(item: dict[str, Any], call: ToolCall, drops: Drops) -> None:
    drops.foreign(call.extra, "messages.tool_calls")
    if layout_of(call.extra, FORMAT) == "function_call":
        own = own_fields(call.extra, FORMAT)
        item["function_call"] = {**own, "name": call.name, "arguments": call.arguments}
    elif call.kind == "server":
        drops.add("messages.content.server_tool_use")
    else:
        item.setdefault("tool_calls", []).append(encode_call(call))


def _marked(parts: tuple[AnyPart, ...], fields: Fields) -> tuple[AnyPart, ...]:
    """A cache mark on the message applies to its last part. The field itself stays where it was."""
    cache = cache_of(fields)
    if cache is None or not parts:
        return parts
    return (*parts[:-1], replace(parts[-1], cache=cache))


def _in_list(part: AnyPart, message: Message) -> bool:
    """Whether a part came in the content list, or belongs there."""
    if isinstance(part, Refusal):
        return layout_of(part.extra, FORMAT) == "part"
    if isinstance(part, Reasoning):
        return layout_of(part.extra, FORMAT) == "content"
    listed = has_word(message.shape, "list")
    return listed and not isinstance(part, ToolCall | Audio | ToolResult)


def _loses_cache_mark(message: Message) -> bool:
    """Whether the cache mark came from another format. This format's are among its own fields."""
    return any(p.cache and FORMAT not in {**p.extra, **message.extra} for p in message.parts)


def _take_signature(rest: dict[str, Any]) -> str | None:
    """Take the signature of a call out of `extra_content`, if that holds nothing else."""
    found: Any = rest.get("extra_content")
    for key in ("google", "thought_signature"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, str):
        return None
    if rest["extra_content"] == {"google": {"thought_signature": found}}:
        del rest["extra_content"]
    return found


def _compact(value: Any) -> str:
    """Arguments that came as an object, as text."""
    return "" if value is None else msgspec.json.encode(value).decode()
