"""A text as a reader sees it, with a way back to where each character came from.

NFKC, hidden and direction-changing characters removed, look-alikes folded to Latin, lower case, and
runs of white space joined. Rules about what words say run on this view, so that writing "ignore"
with Cyrillic letters, or with a zero-width space inside it, changes nothing.
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
"""Characters whose view is remembered."""


class _Views(dict[int, str]):
    """The view of each character, found out when it first occurs."""

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
        """Rules that are written in any script, folded as the texts they meet will be."""
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
