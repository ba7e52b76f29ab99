"""What answers in a format can express, and so what is lost from another format's (`wire.md` 1.5).

Every format has text, reasoning, refusals and tool calls. Ids, counts and finish reasons do not
count as lost. What a user would have seen or heard does: citations, audio, images, log
probabilities, and blocks that only one format has.
"""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from stockyard.core.events import AudioDelta, CitationAdded, Event, LogprobsAdded, PartStarted
from stockyard.core.messages import AnyPart, Audio, Document, Image, Opaque, Part, Text, Video
from stockyard.core.response import Output

_NAMES: dict[type, str] = {
    Image: "images",
    Audio: "audio",
    Video: "video",
    Document: "documents",
}
LONGEST = 64
"""Characters of the name of a block, which a provider gave it."""


def nothing(citation: Any) -> bool:
    return False


def everything(citation: Any) -> bool:
    return True


class Expressible(Struct, frozen=True):
    """What answers in a format can express beyond what all formats can."""

    cites: Callable[[Any], bool] = nothing
    """Whether it can say a citation."""
    parts: tuple[type[Part], ...] = ()
    logprobs: bool = False
    blocks: str = ""
    """The format whose blocks it knows."""

    def lost_of(self, output: Output) -> Iterator[str]:
        """What is lost of a whole answer."""
        for choice in output.choices:
            for part in choice.message.parts:
                if type(part) is not Text or part.citations:
                    yield from self._lost_of_part(part)
            if not self.logprobs and _tells(choice.logprobs):
                yield "logprobs"

    def lost_in(self, event: Event) -> Iterator[str]:
        """What is lost of an Event."""
        if isinstance(event, PartStarted):
            if isinstance(event.whole, AnyPart):
                yield from self._lost_of_part(event.whole)
        elif isinstance(event, CitationAdded):
            if not self.cites(event.value):
                yield "citations"
        elif isinstance(event, AudioDelta):
            if Audio not in self.parts:
                yield _NAMES[Audio]
        elif isinstance(event, LogprobsAdded) and not self.logprobs and _tells(event.value):
            yield "logprobs"

    def _lost_of_part(self, part: AnyPart) -> Iterator[str]:
        if isinstance(part, Text):
            if not all(map(self.cites, part.citations)):
                yield "citations"
        elif isinstance(part, Opaque):
            if part.format != self.blocks:
                yield _kind_of(part.value)
        elif type(part) in _NAMES and type(part) not in self.parts:
            yield _NAMES[type(part)]


def may_lose(event: Event) -> bool:
    """Whether an Event may say what a format cannot. Of nearly all, its type tells."""
    return type(event) in _LOSABLE


_LOSABLE = frozenset({PartStarted, CitationAdded, AudioDelta, LogprobsAdded})


def _tells(logprobs: Any) -> bool:
    return bool(logprobs.get("content")) if isinstance(logprobs, dict) else bool(logprobs)


def _kind_of(block: Any) -> str:
    """What a block calls itself, or else its first field."""
    said = block.get("type") or next(iter(block), "") if isinstance(block, dict) else ""
    return said[:LONGEST] if isinstance(said, str) and said else "block"
