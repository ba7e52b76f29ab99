"""Moderation: is there something harmful in a text or an image?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.messages import Image, Text

Judged = Text | Image


class ModerationContent(AnyContent, frozen=True, kw_only=True, omit_defaults=True):
    inputs: tuple[Judged, ...] = ()
    shape: str | None = None
    """The JSON layout of the input in its own format, so that it can be written in the same way."""

    def texts(self) -> Iterator[str]:
        return (judged.text for judged in self.inputs if isinstance(judged, Text))

    def map_text(self, change: Callable[[str], str]) -> Self:
        inputs = tuple(_changed(judged, change) for judged in self.inputs)
        return self if inputs == self.inputs else replace(self, inputs=inputs)

    def unread(self) -> Mapping[str, int]:
        return Counter("image" for judged in self.inputs if isinstance(judged, Image))


class Judgement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found in one input, or in all of them together."""

    flagged: bool
    categories: dict[str, bool] = {}
    scores: dict[str, float] = {}
    extra: dict[str, Any] = {}


class ModerationOutput(AnyOutput, frozen=True, kw_only=True, omit_defaults=True):
    judgements: tuple[Judgement, ...] = ()


def _changed(judged: Judged, change: Callable[[str], str]) -> Judged:
    if not isinstance(judged, Text):
        return judged
    text = change(judged.text)
    return judged if text == judged.text else replace(judged, text=text)
