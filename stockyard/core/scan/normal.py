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
PLAIN = str.maketrans(dict.fromkeys("\t\n\v\f\r\x1c\x1d\x1e\x1f", " "))


class NormalView:
    """The normalised view of one text."""

    def __init__(self, original: str) -> None:
        self.original = original
        self.text = _joined(original) if original.isascii() else _folded(original)[0]

    @cached_property
    def _origins(self) -> list[int]:
        return _folded(self.original)[1]

    @staticmethod
    def of_rules(rules: Iterable[Rule]) -> list[Rule]:
        """Rules that are written in any script, folded as the texts they meet will be."""
        return [replace(rule, pattern=rule.pattern.translate(LOOKALIKES)) for rule in rules]

    def origin(self, position: int) -> int:
        """Where in the original the character at `position` of the view comes from."""
        origins = self._origins
        return origins[position] if position < len(origins) else len(self.original)


def _joined(text: str) -> str:
    if not text.isprintable():
        text = "".join(c for c in text.translate(PLAIN) if c.isprintable())
    text = text.lower()
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _folded(text: str) -> tuple[str, list[int]]:
    view: list[str] = []
    origins: list[int] = []
    for at, original in enumerate(text):
        for c in unicodedata.normalize("NFKC", original).lower().translate(LOOKALIKES):
            if c.isspace():
                c = " "
                if view and view[-1] == " ":
                    continue
            elif unicodedata.category(c) in ("Cf", "Cc", "Mn"):
                continue
            view.append(c)
            origins.append(at)
    return "".join(view), origins
