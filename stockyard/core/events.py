"""Events: a streamed answer, piece by piece.

`unfold` takes a whole answer apart into the Events that would have streamed it, `fold` puts Events
together again, and `fold(unfold(r)) == r`. That law is what lets streams and whole answers take one
path through the modules.

A part is named by its `key`, which the reader of a format chooses and which stays the same for the
life of the part. A writer numbers parts itself, densely, in the order in which they start.
"""

from typing import Any, Literal

from msgspec import Struct

from stockyard.core.messages import Extra, Finish, Message, Part, ToolCall
from stockyard.core.money import Usage

PartKind = Literal["text", "reasoning", "refusal", "tool_call", "audio", "opaque"]


def _must_be_text(*values: str | None) -> None:
    """Readers pass on values as a provider sent them, and writers trust them. A value of another
    type is stopped here, where it is still clear that the provider is at fault."""
    for value in values:
        if value is not None and not isinstance(value, str):
            raise TypeError("A text was expected.")


class _Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """The base of all Events: stored as a `tag` and the fields that differ from their defaults."""


class Started(_Event, frozen=True, kw_only=True, tag="started"):
    """The answer begins. Comes once, and proves nothing: errors may still follow."""

    id: str = ""
    model: str = ""
    created: int = 0
    service_tier: str | None = None
    usage: Usage | None = None
    """What the provider reported about the input; replaced by a later `UsageSeen`."""
    warnings: tuple[str, ...] = ()
    extra: Extra = {}


class ChoiceStarted(_Event, frozen=True, kw_only=True, tag="choice"):
    """What a choice holds besides its parts, if there is anything. Proves nothing yet."""

    choice: int = 0
    message: Message | None = None
    """The message without its parts."""
    native: str | None = None
    extra: Extra = {}
    """`native` and `extra` are set only if the choice has no `Finished` to hold them."""


class PartStarted(_Event, frozen=True, kw_only=True, tag="part"):
    """A part opens. `id`, `name` and `kind_of_tool` are those of a tool call."""

    key: str
    kind: PartKind
    choice: int = 0
    id: str | None = None
    name: str | None = None
    kind_of_tool: Literal["function", "custom", "server"] = "function"
    whole: Part | None = None
    """The whole part, if it never streams in pieces (opaque blocks, sealed thinking)."""
    signed_by: str | None = None
    """For thinking that will be signed: the format of the provider that signs it."""
    extra: Extra = {}

    def __post_init__(self) -> None:
        _must_be_text(self.id, self.name)

    def as_call(self) -> ToolCall:
        """The tool call that opens here, with the arguments it came with, if any."""
        if isinstance(self.whole, ToolCall):
            return self.whole
        return ToolCall(
            id=self.id or "", name=self.name or "", kind=self.kind_of_tool, extra=self.extra
        )


class TextDelta(_Event, frozen=True, kw_only=True, tag="text"):
    key: str
    text: str
    choice: int = 0


class ReasoningDelta(_Event, frozen=True, kw_only=True, tag="reasoning"):
    key: str
    text: str
    choice: int = 0


class RefusalDelta(_Event, frozen=True, kw_only=True, tag="refusal"):
    key: str
    text: str
    choice: int = 0


class ArgumentsDelta(_Event, frozen=True, kw_only=True, tag="arguments"):
    key: str
    text: str
    choice: int = 0


class SignatureDelta(_Event, frozen=True, kw_only=True, tag="signature"):
    key: str
    signature: str
    made_by: str | None = None
    choice: int = 0

    def __post_init__(self) -> None:
        _must_be_text(self.signature)


class AudioDelta(_Event, frozen=True, kw_only=True, tag="audio"):
    key: str
    value: dict[str, Any]
    """The format's own audio object: id, data, transcript, expires_at."""
    choice: int = 0


class CitationAdded(_Event, frozen=True, kw_only=True, tag="citation"):
    key: str
    format: str
    value: Any
    choice: int = 0


class LogprobsAdded(_Event, frozen=True, kw_only=True, tag="logprobs"):
    value: Any
    choice: int = 0


class PartEnded(_Event, frozen=True, kw_only=True, tag="part_ended"):
    key: str
    choice: int = 0


class UsageSeen(_Event, frozen=True, kw_only=True, tag="usage"):
    """Usage so far. A later one replaces an earlier one; they are never added."""

    usage: Usage


class Finished(_Event, frozen=True, kw_only=True, tag="finished"):
    """A choice is complete. Usage may still follow."""

    reason: Finish
    native: str | None = None
    choice: int = 0
    extra: Extra = {}


class OpaqueEvent(_Event, frozen=True, kw_only=True, tag="opaque"):
    """Something that only one format knows; writers of other formats drop it."""

    format: str
    value: Any
    name: str | None = None


Event = (
    Started
    | ChoiceStarted
    | PartStarted
    | TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ArgumentsDelta
    | SignatureDelta
    | AudioDelta
    | CitationAdded
    | LogprobsAdded
    | PartEnded
    | UsageSeen
    | Finished
    | OpaqueEvent
)

TEXT_EVENTS = (TextDelta, ReasoningDelta, RefusalDelta, ArgumentsDelta)
"""Events with a `text` that modules may search and edit."""


def bears_content(event: Event) -> bool:
    """Whether this Event commits the answer: after it nothing is retried (`streaming.md` 3.1)."""
    if isinstance(event, TEXT_EVENTS):
        return bool(event.text)
    if isinstance(event, PartStarted):
        return event.kind == "tool_call" or event.whole is not None
    return isinstance(event, Finished | AudioDelta | CitationAdded)
