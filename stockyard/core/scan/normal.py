"""A text as a reader sees it, with a way back to where each character came from.

NFKC, hidden and direction-changing characters removed, look-alikes folded to Latin, lower case, and
runs of white space joined. Rules about what words say run on this view, so that writing
"іgnоre" with two Cyrillic letters, or a zero-width space inside it, changes nothing.
"""

import unicodedata
from collections.abc import Iterable
from functools import cached_property

from msgspec.structs import replace

from stockyard.core.scan.rule import Rule

_LATIN = {
    "a": "аα", "b": "вьβ", "c": "с", "d": "ԁ", "e": "еε", "g": "ԍ", "h": "һн", "i": "іιꓲı", "j": "ј",
    "k": "кκ", "l": "ⅼ", "m": "мμ", "n": "пη", "o": "оοꓳ", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ",
    "t": "тτ", "u": "υ", "v": "ν", "w": "ԝѡω", "x": "хχ", "y": "уүγ",
}  # fmt: skip
LOOKALIKES = {ord(c): latin for latin, others in _LATIN.items() for c in others}
"""Cyrillic, Greek and Lisu letters that look like a Latin one (Unicode TR39 confusables)."""
PLAIN = str.maketrans({c: " " for c in "\t\n\r\f\v"})


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
    if "\x00" <= min(text, default=" ") < " ":
        text = "".join(c for c in text.translate(PLAIN) if c >= " ")
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
