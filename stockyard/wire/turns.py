"""What formats of alternating turns share: system text at the start, tool results in user turns."""

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Message, Role, Text, ToolResult
from stockyard.core.request import Content
from stockyard.wire.layout import has_word

JSON_WISH = "Answer with one JSON object and nothing else."


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


def with_json_wish(head: tuple[Message, ...], content: Content) -> tuple[Message, ...]:
    """The system messages, asking for a JSON object where the format has no field for that."""
    if content.output is None or not content.output.is_any_object:
        return head
    return (*head, Message(role="system", parts=(Text(text=JSON_WISH),)))


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
