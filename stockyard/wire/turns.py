"""What formats of alternating turns share: system text at the start, tool results in user turns."""

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Role, ToolResult
from stockyard.wire.layout import has_word


def leading_system(
    messages: tuple[Message, ...], *, own_turn: str = ""
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The system messages at the start, and everything after them.

    One with the shape word `own_turn` was sent as a turn, so it belongs to what comes after.
    """
    for i, message in enumerate(messages):
        if message.role != "system" or (own_turn and has_word(message.shape, own_turn)):
            return messages[:i], messages[i:]
    return messages, ()


def split_results(turn: Message) -> list[Message]:
    """A user turn as messages of the roles `tool` and `user`, in its order."""
    groups: list[tuple[Role, list[AnyPart]]] = []
    for part in turn.parts:
        role: Role = "tool" if isinstance(part, ToolResult) else "user"
        if not groups or groups[-1][0] != role:
            groups.append((role, []))
        groups[-1][1].append(part)
    if not groups:
        return [turn]
    first, *others = groups
    messages = [replace(turn, role=first[0], parts=tuple(first[1]))]
    return messages + [Message(role=role, parts=tuple(parts)) for role, parts in others]
