"""What a scripted model says in one turn, independent of formats."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool. A stream sends `pieces` one by one; joined they are its arguments."""

    id: str
    name: str
    pieces: tuple[str, ...]

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Usage:
    """The token counts an answer states.

    A count may be any JSON value, `msgspec.Raw(b"1e400")` for one that Python cannot write, or
    `msgspec.UNSET` to leave the field out: what a provider must not send is what tests are for.
    """

    input: object = 9
    output: object = 12
    cached: int = 0
    """How many of the input tokens were read from a cache; they are inside `input`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Text, reasoning and tool calls of one answer, in the pieces a stream sends them in."""

    pieces: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    tools: tuple[ToolCall, ...] = ()
    usage: Usage | None = field(default_factory=Usage)
    finish: str | None = None
    """The finish as the format spells it; None for the one that fits what was said."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Failure:
    """An error answer: its status and words, in whichever format the caller speaks."""

    status: int
    message: str
    kind: str | None = None
    """The error's `type`; None for the one that belongs to the status."""
    code: str | None = None
    retry_after: float | None = None


def tool_call(position: int, name: str, arguments: Mapping[str, object]) -> ToolCall:
    """A tool call whose arguments a stream cuts into pieces, the first of them empty."""
    text = msgspec.json.encode(arguments).decode()
    third = max(1, len(text) // 3)
    pieces = ("", *(text[i : i + third] for i in range(0, len(text), third)))
    return ToolCall(id=f"call_{position}_{name}", name=name, pieces=pieces)
