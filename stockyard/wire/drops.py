"""Collect the parts of a request that the target's format cannot express."""

from collections.abc import Callable, Container, Iterable
from operator import attrgetter
from typing import Any

from stockyard.core.messages import AnyPart, Document, Extra, Image, Message, Text, ToolResult
from stockyard.core.request import Content
from stockyard.core.usual_names import USUAL_NAMES
from stockyard.wire.layout import LAYOUT_KEYS

_NOTHING: tuple[Any, ...] = (None, [], {})
"""Values that carry no meaning, so that dropping them loses nothing."""
_SAID_ELSEWHERE = LAYOUT_KEYS | {
    "anthropic_version",
    "cache_control",
    "prompt_cache_breakpoint",
    "index",
}
"""Cache marks are also in `cache`; an encoder without them reports that itself. A dialect's version
means nothing in another one. Clients that join a stream send back the numbers of its calls, which
their order says too."""


DETAIL, FILENAME, CITATIONS = "detail", "filename", "citations"
"""What parts say besides their content."""


def never(text: Text) -> bool:
    return False


def _says_nothing(key: str, value: Any) -> bool:
    if key in _SAID_ELSEWHERE or value in _NOTHING:
        return True
    return isinstance(value, dict) and value.keys() <= _SAID_ELSEWHERE


class Unsayable:
    """Neutral fields that a format cannot express."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._of = attrgetter(*names)
        self._unused = self._of(Content())

    def used_in(self, content: Content) -> list[str]:
        """Those that a request uses, as clients usually call them."""
        values = self._of(content)
        if values == self._unused:
            return []
        return [
            USUAL_NAMES.get(name, name)
            for name, value in zip(self._names, values, strict=True)
            if value not in (None, False, ()) and (name, value) != ("n", 1)
        ]


class Drops:
    """The dropped fields, in the client's spelling."""

    __slots__ = ("_format", "_names")

    def __init__(self, format: str) -> None:
        self._format = format
        self._names: dict[str, None] = {}

    def add(self, *names: str) -> None:
        self._names.update(dict.fromkeys(names))

    def unsayable(self, content: Content, fields: Unsayable) -> None:
        """Report those of these fields that the request uses."""
        if used := fields.used_in(content):
            self.add(*used)

    def foreign(self, extra: Extra, path: str = "") -> None:
        """Report every field that belongs to another format."""
        if not extra:
            return
        for format, fields in extra.items():
            if format != self._format:
                self.add(
                    *(
                        f"{path}.{key}" if path else key
                        for key, value in fields.items()
                        if not _says_nothing(key, value)
                    )
                )

    def beside(
        self,
        messages: Iterable[Message],
        *,
        keeps: Container[str] = (),
        cites: Callable[[Text], bool] = never,
    ) -> None:
        """Report details of images, names of files and citations, unless the format keeps them.

        `cites` tells whether it can express the citations of a text. Names of documents that are
        text stand in that text.
        """
        for message in messages:
            for part in message.parts:
                self._beside(part, keeps, cites)

    def _beside(self, part: AnyPart, keeps: Container[str], cites: Callable[[Text], bool]) -> None:
        name = ""
        if isinstance(part, Text):
            name = CITATIONS if part.citations and not cites(part) else ""
        elif isinstance(part, Image):
            name = "" if part.detail in (None, "auto") else DETAIL
        elif isinstance(part, Document):
            name = FILENAME if part.text is None and (part.name or part.title) else ""
        elif isinstance(part, ToolResult):
            for inner in part.parts:
                self._beside(inner, keeps, cites)
        if name and name not in keeps:
            self.add(f"messages.content.{name}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)
