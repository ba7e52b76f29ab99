"""A request to paint an image, to change one, or to vary one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Self

from msgspec.structs import replace

from stockyard.core.meaning import AnyContent


class ImagesContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    prompt: str | None = None
    """None for a variation, which is asked for without words."""
    given: int = 0
    """How many images came with it."""
    wanted: int = 1
    """How many are to come back."""
    original: bytes = b""
    """The request as it came, with the images in it."""

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
