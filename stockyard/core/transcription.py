"""Requests to transcribe or translate a recording."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from msgspec.structs import replace

from stockyard.core.meaning import AnyContent


class TranscriptionContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    prompt: str | None = None
    """Guides the spelling, or is the text before the recording."""
    seconds: int = 0
    """Estimated length of the recording; 0 if unknown."""
    original: bytes = b""
    """The request as it came, with the recording."""

    def units(self) -> dict[str, int]:
        return {"second": self.seconds} if self.seconds else {}

    def texts(self) -> Iterator[str]:
        if self.prompt:
            yield self.prompt

    def map_text(self, change: Callable[[str], str]) -> Self:
        prompt = change(self.prompt) if self.prompt else self.prompt
        return self if prompt == self.prompt else replace(self, prompt=prompt)

    def unread(self) -> Mapping[str, int]:
        return {"audio": 1}
