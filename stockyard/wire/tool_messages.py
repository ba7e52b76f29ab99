"""Results of tools as messages of their own, each with one result."""

from collections.abc import Iterable

from msgspec.structs import replace

from stockyard.core.messages import Message


def joined(messages: Iterable[Message]) -> tuple[Message, ...]:
    """All messages; the tool messages of one turn become one message with several results."""
    together: list[Message] = []
    for message in messages:
        if message.role == "tool" and together and together[-1].role == "tool":
            together[-1] = replace(together[-1], parts=together[-1].parts + message.parts)
        else:
            together.append(message)
    return tuple(together)
