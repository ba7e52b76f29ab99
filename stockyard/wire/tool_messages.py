"""Tool results as separate messages, each with one result."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Image, Message, Text, ToolCall, ToolResult
from stockyard.wire.tool_ids import derived

_ERROR_PREFIX = "Error: "
_IMAGE_STUB = "[image: see the next message]"


def joined(messages: Iterable[Message]) -> tuple[Message, ...]:
    """All messages; the tool messages of one turn become one message with several results."""
    together: list[Message] = []
    for message in messages:
        if message.role == "tool" and together and together[-1].role == "tool":
            together[-1] = replace(together[-1], parts=together[-1].parts + message.parts)
        else:
            together.append(message)
    return tuple(together)


def with_short_ids(messages: Sequence[Message], longest: int) -> Sequence[Message]:
    """The same conversation with ids of calls that are not longer (`wire.md` 8, rule 2)."""
    if not any(len(_id_of(part)) > longest for m in messages for part in m.parts):
        return messages
    return [replace(m, parts=tuple(_short(part, longest) for part in m.parts)) for m in messages]


def _id_of(part: AnyPart) -> str:
    if isinstance(part, ToolCall):
        return part.id
    return part.call_id if isinstance(part, ToolResult) else ""


def _short(part: AnyPart, longest: int) -> AnyPart:
    said = _id_of(part)
    if len(said) <= longest:
        return part
    fitting = derived(said, prefix="call_")
    if isinstance(part, ToolCall):
        return replace(part, id=fitting)
    return replace(part, call_id=fitting) if isinstance(part, ToolResult) else part


def spoken(result: ToolResult) -> tuple[AnyPart, ...]:
    """What a result says where it has no word for an error, and its images follow it."""
    head = (Text(text=_ERROR_PREFIX),) if result.is_error else ()
    parts = (Text(text=_IMAGE_STUB) if isinstance(p, Image) else p for p in result.parts)
    return (*head, *parts)
