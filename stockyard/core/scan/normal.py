"""Normalise a text to what a reader sees, and map positions back to the original.

The text is put into NFKC and lower case, hidden and direction-changing characters are removed,
letters that look like Latin ones are replaced by them, and white space is joined. Rules about words
run on this view, so "ignore" is found even if it is written with Cyrillic letters or has a
zero-width space in it.
"""

import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cached_property
from importlib.resources import files

from msgspec.structs import replace

from stockyard.core.scan.rule import Rule

LOOKALIKES = {
    ord(c): latin
    for latin, others in tomllib.loads(
        files("stockyard.core.scan").joinpath("lookalikes.toml").read_text("utf-8")
    ).items()
    for c in others
}
"""Letters of other scripts that look like a Latin one."""
MAX_KNOWN = 20_000
"""How many characters' views are cached."""


class _Views(dict[int, str]):
    """The view of each character, computed when it first occurs."""

    def __missing__(self, code: int) -> str:
        view = _view_of(chr(code))
        if len(self) < MAX_KNOWN:
            self[code] = view
        return view


_VIEWS = _Views()


class NormalView:
    """The normalised view of one text."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.text = _joined(original.translate(_VIEWS))

    @cached_property
    def _origins(self) -> list[int]:
        return _origins_of(self.original)

    @staticmethod
    def of_rules(rules: Iterable[Rule]) -> list[Rule]:
        """The rules, with look-alikes in their patterns replaced as in the texts."""
        return [replace(rule, pattern=rule.pattern.translate(LOOKALIKES)) for rule in rules]

    def origin(self, position: int) -> int:
        """Where in the original the character at `position` of the view comes from."""
        origins = self._origins
        return origins[position] if position < len(origins) else len(self.original)


def _joined(text: str) -> str:
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _view_of(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character).lower().translate(LOOKALIKES)
    return "".join(
        " " if c.isspace() else c
        for c in folded
        if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc", "Mn")
    )


def _origins_of(text: str) -> list[int]:
    origins: list[int] = []
    last = ""
    for at, character in enumerate(text):
        for c in _VIEWS[ord(character)]:
            if c != " " or last != " ":
                origins.append(at)
            last = c
    return origins
