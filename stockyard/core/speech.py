"""Requests to turn text into speech."""

from collections.abc import Callable, Iterator
from typing import Self

from msgspec.structs import replace

from stockyard.core.meaning import AnyContent


class SpeechContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    text: str | None = None
    instructions: str | None = None
    """How to speak it."""
    original: bytes = b""
    """The request as it came. An encoder replaces the texts in it."""

    def units(self) -> dict[str, int]:
        return {"character": len(self.text)} if self.text else {}

    def texts(self) -> Iterator[str]:
        yield from filter(None, (self.text, self.instructions))

    def map_text(self, change: Callable[[str], str]) -> Self:
        text = change(self.text) if self.text else self.text
        instructions = change(self.instructions) if self.instructions else self.instructions
        if (text, instructions) == (self.text, self.instructions):
            return self
        return replace(self, text=text, instructions=instructions)
