"""A request to write down, or to translate, what is said in a recording."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from msgspec.structs import replace

from stockyard.core.meaning import AnyContent


class TranscriptionContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    prompt: str | None = None
    """What guides the spelling, or continues an earlier part."""
    seconds: int = 0
    """About how long the recording is; 0 where that cannot be told."""
    original: bytes = b""
    """The request as it came, with the recording in it."""

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
