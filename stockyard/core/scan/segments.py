"""The texts of a request, each with its author.

A Segment's origin is that of its part if it has one, else the role of its message. What a tool
returned is from the `tool`, what the model wrote earlier from the `assistant`, and descriptions of
tools are from the `system`. Texts that only one format has (in blocks, items, and a few fields
beside the messages) are included.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Extra,
    Image,
    Message,
    Opaque,
    Origin,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
    map_part,
)
from stockyard.core.request import Content, OutputForm, Request, Tool, map_tool
from stockyard.core.scan.values import map_schema, map_value


class Segment(NamedTuple):
    """Who wrote a text, and how it is encoded."""

    origin: Origin
    json: bool = False
    """It is a JSON document, so inserted text must be escaped."""


LONG_BYTES = 16 * 1024
"""Longer requests are searched in a thread: a text with many candidates takes 1 us a character."""
PATIENCE_SECONDS = 60.0
"""How long the search of one request may take before it counts as a failure of the module."""

Change = Callable[[str, Segment], str]
SYSTEM = Segment("system")
USER = Segment("user")
ARGUMENTS = Segment("assistant", json=True)
UNREAD: dict[type, str] = {Image: "image", Audio: "audio", Video: "video"}
BESIDE: dict[str, Origin] = {
    "prediction": "assistant",
    "documents": "context",
    "suffix": "user",
    "prompt": "prompt",
}
"""Fields that some formats have beside the messages, and that a model reads."""


def map_segments(request: Request, change: Change) -> Request:
    """Change every text that a model would read; the same request if nothing changed."""
    content = request.meaning
    if not isinstance(content, Content):
        return request.map_text(lambda text: change(text, USER))
    changed = {
        "messages": tuple(_message(m, change) for m in content.messages),
        "tools": tuple(_tool(t, change) for t in content.tools),
        "output": _output(content.output, change),
        "extra": _beside(content.extra, change),
    }
    if all(_same(new, getattr(content, field)) for field, new in changed.items()):
        return request
    return request.with_content(replace(content, **changed))


def texts_in(request: Request) -> list[str]:
    """Every text that `map_segments` would change."""
    texts: list[str] = []

    def take(text: str, segment: Segment) -> str:
        texts.append(text)
        return text

    map_segments(request, take)
    return texts


def unread(request: Request) -> dict[str, int]:
    """How many parts of each kind a text scanner cannot read."""
    content = request.meaning
    if not isinstance(content, Content):
        return dict(content.unread())
    kinds: Counter[str] = Counter()
    for message in content.messages:
        _count(message.parts, kinds)
    return dict(kinds)


def _same(new: Any, old: Any) -> bool:
    if isinstance(new, tuple):
        return all(a is b for a, b in zip(new, old, strict=True))
    return new is old


def _message(message: Message, change: Change) -> Message:
    parts = _parts(message.parts, message.role, change)
    return message if parts is message.parts else replace(message, parts=parts)


def _parts(parts: tuple[AnyPart, ...], origin: Origin, change: Change) -> tuple[AnyPart, ...]:
    mapped = tuple(_part(p, origin, change) for p in parts)
    return parts if _same(mapped, parts) else mapped


def _part(part: AnyPart, origin: Origin, change: Change) -> AnyPart:
    segment = Segment(origin)
    if isinstance(part, ToolResult):
        inner = _parts(part.parts, "tool", change)
        return part if inner is part.parts else replace(part, parts=inner)
    if isinstance(part, Opaque):
        value = map_value(part.value, partial(_in_value, change, origin))
        return part if value is part.value else replace(part, value=value)
    if isinstance(part, Text) and part.origin is not None:
        segment = Segment(part.origin)
    elif isinstance(part, ToolCall):
        segment = Segment("assistant") if part.kind == "custom" else ARGUMENTS
    mapped = map_part(part, lambda text: change(text, segment))
    return _about(mapped, segment, change) if isinstance(part, Document | Reasoning) else mapped


def _about(part: AnyPart, segment: Segment, change: Change) -> AnyPart:
    """The texts beside the main text of a document or of a thought."""
    if isinstance(part, Document):
        title = change(part.title, segment) if part.title else part.title
        extra = map_value(part.extra, partial(_in_value, change, segment.origin))
        if title != part.title or extra is not part.extra:
            return replace(part, title=title, extra=extra)
    if isinstance(part, Reasoning) and part.summary:
        summary = tuple(change(text, segment) for text in part.summary)
        return part if summary == part.summary else replace(part, summary=summary)
    return part


def _tool(tool: Tool, change: Change) -> Tool:
    described = map_tool(tool, lambda text: change(text, SYSTEM))
    schema = map_schema(tool.schema, partial(_in_value, change, "system"))
    return described if schema is tool.schema else replace(described, schema=schema)


def _output(form: OutputForm | None, change: Change) -> OutputForm | None:
    if form is None:
        return None
    description = change(form.description, SYSTEM) if form.description else form.description
    schema = map_schema(form.schema, partial(_in_value, change, "system"))
    if schema is form.schema and description == form.description:
        return form
    return replace(form, description=description, schema=schema)


def _beside(extra: Extra, change: Change) -> Extra:
    changed = {
        name: {
            key: map_value(value, partial(_in_value, change, BESIDE[key]))
            if key in BESIDE
            else value
            for key, value in fields.items()
        }
        for name, fields in extra.items()
    }
    same = all(
        changed[name][key] is value
        for name, fields in extra.items()
        for key, value in fields.items()
    )
    return extra if same else changed


def _in_value(change: Change, origin: Origin, text: str, json: bool) -> str:
    return change(text, Segment(origin, json=json))


def _count(parts: tuple[AnyPart, ...], kinds: Counter[str]) -> None:
    for part in parts:
        if isinstance(part, ToolResult):
            _count(part.parts, kinds)
        elif isinstance(part, Document):
            if part.text is None:
                kinds["file"] += 1
        elif type(part) in UNREAD:
            kinds[UNREAD[type(part)]] += 1
