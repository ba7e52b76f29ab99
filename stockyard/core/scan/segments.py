"""The texts of a request, each with who wrote it.

A Segment's origin is that of its part where one is set, else the role of its message. What a tool
returned is `tool`, what the model wrote earlier is `assistant`, and descriptions of tools belong to
the `system`.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from stockyard.core.messages import (
    AnyPart,
    Audio,
    Document,
    Image,
    Message,
    Origin,
    Text,
    ToolCall,
    ToolResult,
    Video,
    map_part,
)
from stockyard.core.request import Content, Request, map_tool


class Segment(NamedTuple):
    """Where a text stands."""

    origin: Origin
    json: bool = False
    """It is the text of a JSON document, so what is put into it must be escaped."""


LONG_BYTES = 16 * 1024
"""The texts of a longer request are read in a thread: dense ones take about 1 us per character."""
PATIENCE_SECONDS = 60.0
"""How long reading one request may take before it counts as broken."""

Change = Callable[[str, Segment], str]
SYSTEM = Segment("system")
USER = Segment("user")
ARGUMENTS = Segment("assistant", json=True)
UNREAD: dict[type, str] = {Image: "image", Audio: "audio", Video: "video"}


def map_segments(request: Request, change: Change) -> Request:
    """Change every text that a model would read; the same request if nothing changed."""
    content = request.meaning
    if not isinstance(content, Content):
        return request.map_text(lambda text: change(text, USER))
    messages = tuple(_message(m, change) for m in content.messages)
    tools = tuple(map_tool(t, lambda text: change(text, SYSTEM)) for t in content.tools)
    same = all(a is b for a, b in zip(messages, content.messages, strict=True))
    if same and all(a is b for a, b in zip(tools, content.tools, strict=True)):
        return request
    return request.with_content(replace(content, messages=messages, tools=tools))


def unread(request: Request) -> dict[str, int]:
    """How many parts of each kind a text scanner cannot read."""
    content = request.meaning
    if not isinstance(content, Content):
        return dict(content.unread())
    kinds: Counter[str] = Counter()
    for message in content.messages:
        _count(message.parts, kinds)
    return dict(kinds)


def _message(message: Message, change: Change) -> Message:
    parts = _parts(message.parts, message.role, change)
    return message if parts is message.parts else replace(message, parts=parts)


def _parts(parts: tuple[AnyPart, ...], origin: Origin, change: Change) -> tuple[AnyPart, ...]:
    mapped = tuple(_part(p, origin, change) for p in parts)
    return parts if all(a is b for a, b in zip(mapped, parts, strict=True)) else mapped


def _part(part: AnyPart, origin: Origin, change: Change) -> AnyPart:
    if isinstance(part, ToolResult):
        inner = _parts(part.parts, "tool", change)
        return part if inner is part.parts else replace(part, parts=inner)
    segment = Segment(origin)
    if isinstance(part, Text) and part.origin is not None:
        segment = Segment(part.origin)
    elif isinstance(part, ToolCall):
        segment = Segment("assistant") if part.kind == "custom" else ARGUMENTS
    return map_part(part, lambda text: change(text, segment))


def _count(parts: tuple[AnyPart, ...], kinds: Counter[str]) -> None:
    for part in parts:
        if isinstance(part, ToolResult):
            _count(part.parts, kinds)
        elif isinstance(part, Document):
            kinds["file"] += part.text is None
        elif type(part) in UNREAD:
            kinds[UNREAD[type(part)]] += 1
