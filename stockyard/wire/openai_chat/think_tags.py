"""Separate reasoning that a model writes into its text between tags (`streaming.md` S28).

Some servers pass the model's raw text on. Only a tag at the very start counts: later ones are part
of what the model writes about.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from stockyard.core.messages import AnyPart, Reasoning, Text
from stockyard.wire.codec import Traits

TRAIT = "think_tags"
"""Of providers whose models are known to write so."""

_OPEN, _CLOSE = "<think>", "</think>"

Said = tuple[Literal["reasoning", "text"], str]


class ThinkTags:
    """Takes the text of one choice in pieces, however a tag is cut."""

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._held = ""
        """What may be the beginning of a tag, and blanks that may be around one."""
        self._state: Literal["begins", "thinks", "answers", "talks"] = "begins"

    def feed(self, text: str) -> Iterator[Said]:
        self._held += text
        if self._state == "begins":
            self._begin()
        if self._state == "thinks":
            yield from self._think()
        if self._state == "answers":
            # Between the tag and the answer are blanks that belong to neither.
            self._held = self._held.lstrip()
            self._state = "talks" if self._held else "answers"
        if self._state == "talks" and self._held:
            yield "text", self._take(len(self._held))

    def end(self) -> Iterator[Said]:
        """What was held when the text ended."""
        if self._held and self._state != "answers":
            yield ("reasoning" if self._state == "thinks" else "text"), self._take(len(self._held))

    def _begin(self) -> None:
        said = self._held.lstrip()
        if said.startswith(_OPEN):
            self._held = said[len(_OPEN) :]
            self._state = "thinks"
        elif not _OPEN.startswith(said):
            self._state = "talks"

    def _think(self) -> Iterator[Said]:
        end = self._held.find(_CLOSE)
        safe = end if end >= 0 else _before_a_beginning(self._held)
        if safe:
            yield "reasoning", self._take(safe)
        if end >= 0:
            self._take(len(_CLOSE))
            self._state = "answers"

    def _take(self, count: int) -> str:
        taken, self._held = self._held[:count], self._held[count:]
        return taken


def _before_a_beginning(text: str) -> int:
    """How much of a text cannot be part of the closing tag."""
    return next(
        (len(text) - n for n in range(min(len(_CLOSE) - 1, len(text)), 0, -1)
         if _CLOSE.startswith(text[-n:])),
        len(text),
    )  # fmt: skip


def told_apart(parts: Sequence[AnyPart], traits: Traits) -> tuple[AnyPart, ...]:
    """The parts of an answer, with reasoning in its first text split off."""
    first = next((i for i, part in enumerate(parts) if isinstance(part, Text)), None)
    if TRAIT not in traits or first is None:
        return tuple(parts)
    text = parts[first]
    assert isinstance(text, Text)  # noqa: S101  it was looked for
    tags = ThinkTags()
    said = [*tags.feed(text.text), *tags.end()]
    thoughts = "".join(piece for kind, piece in said if kind == "reasoning")
    if not thoughts and not text.text.lstrip().startswith(_OPEN):
        return tuple(parts)
    answer = "".join(piece for kind, piece in said if kind == "text")
    found: list[AnyPart] = [Reasoning(text=thoughts)] if thoughts else []
    if answer:
        found.append(Text(text=answer, citations=text.citations, extra=text.extra))
    return (*parts[:first], *found, *parts[first + 1 :])
