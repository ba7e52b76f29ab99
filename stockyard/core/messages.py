"""Messages and their parts, in the one neutral form that every wire format is decoded to.

Values are frozen: a module that wants a change makes a new value and assigns it. Decoders may set
fields that some encoders have no equivalent for; encoders must not require them (`wire.md` 3).
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

Role = Literal["system", "user", "assistant", "tool"]
Origin = Literal["system", "user", "assistant", "tool", "prompt", "memory", "context"]
Finish = Literal["stop", "length", "tool_calls", "content_filter"]
Extra = dict[str, dict[str, Any]]
"""Fields of single formats that have no place in the neutral form: format name -> key -> value."""


class Cache(Struct, frozen=True, omit_defaults=True):
    """A prompt-cache mark: the provider may keep everything up to here for `ttl`."""

    ttl: str | None = None


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="part"):
    """A piece of a message."""

    cache: Cache | None = None
    extra: Extra = {}


class Text(Part, frozen=True, kw_only=True, omit_defaults=True, tag="text"):
    text: str
    citations: tuple[Any, ...] = ()
    origin: Origin | None = None
    """Who wrote it; None means the role of the message."""


class Image(Part, frozen=True, kw_only=True, omit_defaults=True, tag="image"):
    """Exactly one of `url`, `data` (base64 text, with `media_type`) and `file_id` is set."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    file_id: str | None = None
    detail: str | None = None


class Audio(Part, frozen=True, kw_only=True, omit_defaults=True, tag="audio"):
    """`data` is base64 text; `id` names audio that the provider keeps from an earlier answer."""

    data: str | None = None
    format: str | None = None
    id: str | None = None
    transcript: str | None = None


class Video(Part, frozen=True, kw_only=True, omit_defaults=True, tag="video"):
    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    file_id: str | None = None


class Document(Part, frozen=True, kw_only=True, omit_defaults=True, tag="document"):
    """Exactly one of `data` (base64, with `media_type`), `url`, `file_id` and `text` is set."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    text: str | None = None
    title: str | None = None
    name: str | None = None


class ToolCall(Part, frozen=True, kw_only=True, omit_defaults=True, tag="tool_call"):
    """The model asks for a tool. `arguments` is text as the model wrote it; "" equals "{}"."""

    id: str
    name: str
    arguments: str = ""
    signature: str | None = None
    kind: Literal["function", "custom", "server"] = "function"


class ToolResult(Part, frozen=True, kw_only=True, omit_defaults=True, tag="tool_result"):
    call_id: str
    parts: tuple["AnyPart", ...] = ()
    is_error: bool = False


class Reasoning(Part, frozen=True, kw_only=True, omit_defaults=True, tag="reasoning"):
    """Thinking that the model shows, or a sealed piece that must go back byte-identical."""

    text: str = ""
    summary: tuple[str, ...] = ()
    signature: str | None = None
    encrypted: str | None = None
    redacted: str | None = None
    """Sealed thinking without text (`redacted_thinking.data`)."""
    made_by: str | None = None
    """The format of origin; a signature means nothing to another."""


class Refusal(Part, frozen=True, kw_only=True, omit_defaults=True, tag="refusal"):
    text: str


class Opaque(Part, frozen=True, kw_only=True, omit_defaults=True, tag="opaque"):
    """A block that only one format knows, carried as it came."""

    format: str
    value: Any


AnyPart = (
    Text | Image | Audio | Video | Document | ToolCall | ToolResult | Reasoning | Refusal | Opaque
)


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    role: Role
    parts: tuple[AnyPart, ...] = ()
    name: str | None = None
    shape: str | None = None
    """The JSON layout of the content in its own format ("string"), to write it in the same way."""
    extra: Extra = {}

    @property
    def text(self) -> str:
        """All its text parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, Text))

    @property
    def only_text(self) -> str | None:
        """The text of a message that is one text and nothing else, as most are."""
        if len(self.parts) != 1 or self.name is not None or self.shape is not None or self.extra:
            return None
        only = self.parts[0]
        if type(only) is not Text or only.cache is not None or only.citations or only.extra:
            return None
        return only.text


def texts_of(parts: tuple[AnyPart, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Text | Refusal):
            yield part.text
        elif isinstance(part, ToolCall):
            yield part.arguments
        elif isinstance(part, ToolResult):
            yield from texts_of(part.parts)
        elif (isinstance(part, Reasoning) and part.text) or (
            isinstance(part, Document) and part.text
        ):
            yield part.text


def map_message(message: Message, change: Callable[[str], str]) -> Message:
    parts = map_parts(message.parts, change)
    return message if parts is message.parts else replace(message, parts=parts)


def map_parts(parts: tuple[AnyPart, ...], change: Callable[[str], str]) -> tuple[AnyPart, ...]:
    mapped = tuple(map_part(p, change) for p in parts)
    return parts if all(a is b for a, b in zip(mapped, parts, strict=True)) else mapped


def map_part(part: AnyPart, change: Callable[[str], str]) -> AnyPart:
    if isinstance(part, Text | Refusal):
        text = change(part.text)
        return part if text == part.text else replace(part, text=text)
    if isinstance(part, ToolCall):
        arguments = change(part.arguments)
        return part if arguments == part.arguments else replace(part, arguments=arguments)
    if isinstance(part, ToolResult):
        inner = map_parts(part.parts, change)
        return part if inner is part.parts else replace(part, parts=inner)
    if isinstance(part, Document) and part.text is not None:
        text = change(part.text)
        return part if text == part.text else replace(part, text=text)
    if isinstance(part, Reasoning) and part.text:
        text = change(part.text)
        # A signature vouches for the text it was made over; changed text must not carry it.
        return part if text == part.text else replace(part, text=text, signature=None)
    return part
