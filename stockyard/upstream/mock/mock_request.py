"""A request to the mock provider, whatever its format."""

from typing import Any, Literal

from msgspec import Struct


class Tool(Struct, frozen=True):
    """A tool that may be called."""

    name: str
    schema: Any = None


class MockRequest(Struct, frozen=True, kw_only=True):
    model: str
    stream: bool = False
    wants_usage: bool = False
    """Whether a stream should contain the usage. Some formats always do."""
    prompt: str = ""
    """The text of the last message, if it is a user's."""
    texts: tuple[str, ...] = ()
    """All texts that count as input tokens."""
    answers_tools: bool = False
    """Whether the last message contains results of tools."""
    tools: tuple[Tool, ...] = ()
    """The tools that may be called in the answer."""
    choice: Literal["auto", "required", "named"] = "auto"
    """`required`: one of `tools` must be called; `named`: all of them."""
    json: bool = False
    """Whether the answer must be JSON."""
    schema: Any = None
    """The JSON schema of the answer; None for any object."""
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    n: int = 1
    """How many answers."""


MOST_CHOICES = 128
