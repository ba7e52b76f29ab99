"""What a request wants, whatever its format."""

from typing import Any, Literal

from msgspec import Struct


class Offer(Struct, frozen=True):
    """A tool that may be called."""

    name: str
    schema: Any = None


class Asked(Struct, frozen=True, kw_only=True):
    model: str
    stream: bool = False
    wants_usage: bool = False
    """In the stream; formats that always carry it ignore this."""
    prompt: str = ""
    """The text of the last message, if a user wrote it."""
    texts: tuple[str, ...] = ()
    """Everything that counts as input."""
    answers_tools: bool = False
    """The last message holds what tools returned."""
    tools: tuple[Offer, ...] = ()
    """Those that may be called now."""
    choice: Literal["auto", "required", "named"] = "auto"
    """`required`: one of `tools` must be called; `named`: all of them."""
    json: bool = False
    schema: Any = None
    """With `json`: what it must satisfy; None is any object."""
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    n: int = 1


MOST_CHOICES = 128
