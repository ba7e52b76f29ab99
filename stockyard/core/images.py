"""Requests to generate an image, to edit one, or to vary one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from msgspec.structs import replace

from stockyard.core.meaning import AnyContent


class ImagesContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    prompt: str | None = None
    """None for a variation, which takes no prompt."""
    given: int = 0
    """How many images the request contains."""
    wanted: int = 1
    """How many images to return."""
    original: bytes = b""
    """The request as it came, with its images."""

    def units(self) -> dict[str, int]:
        return {"image": self.wanted}

    def texts(self) -> Iterator[str]:
        if self.prompt:
            yield self.prompt

    def map_text(self, change: Callable[[str], str]) -> Self:
        prompt = change(self.prompt) if self.prompt else self.prompt
        return self if prompt == self.prompt else replace(self, prompt=prompt)

    def unread(self) -> Mapping[str, int]:
        return {"image": self.given} if self.given else {}
