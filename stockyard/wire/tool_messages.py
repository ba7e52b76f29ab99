"""Results of tools as messages of their own, each with one result."""

from collections.abc import Iterable

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Image, Message, Text, ToolResult

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


def spoken(result: ToolResult) -> tuple[AnyPart, ...]:
    """What a result says where it has no word for an error, and its images follow it."""
    head = (Text(text=_ERROR_PREFIX),) if result.is_error else ()
    parts = (Text(text=_IMAGE_STUB) if isinstance(p, Image) else p for p in result.parts)
    return (*head, *parts)
