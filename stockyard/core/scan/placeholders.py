"""Placeholders for personal data: one for each value of a call, such as `[EMAIL_1]`."""

import itertools
import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property

from stockyard.core.exchange import Exchange
from stockyard.core.scan.rule import Rule
from stockyard.core.scan.segments import texts_in

HASH_DIGITS = 6
LOWEST_DRAWN, HIGHEST_DRAWN = 100_000, 990_000
"""The range of placeholder numbers in calls that continue turns which only the provider stores."""
KEPT_TURNS = frozenset({"previous_response_id", "conversation"})
"""Request fields that refer to such turns."""
WRITTEN_FREELY = frozenset(
    {"phone", "card", "iban", "national_id", "tax_id", "passport", "plate", "mac"}
)
"""Types in which separators do not matter: 4111-1111 and 4111 1111 are one value."""

PLACEHOLDER = Rule(
    id="placeholder",
    type="placeholder",
    # As issued, or as models write it back: other case, spaces, Markdown or JSON escapes.
    pattern=(
        r"(?:\\{1,4}\[|\[|\\u005[bB])[ \t]{0,3}"
        r"[A-Za-z]{1,32}(?:[ \t]{0,2}\\{0,4}[_ -][ \t]{0,2}[A-Za-z]{1,32}){0,4}"
        r"[ \t]{0,2}\\{0,4}[_ -][ \t]{0,2}\d{1,6}"
        r"[ \t]{0,3}(?:\\{1,4}\]|\]|\\u005[dD])"
    ),
)
BRACKETS = re.compile(r"\\u005[bdBD]")
WORDS = re.compile(r"[A-Za-z]+|\d+")
ISSUED = re.compile(r"\[[A-Z_]+_\d+\]")


class Placeholders:
    """Gives each value of one call its placeholder: the same value, the same placeholder."""

    def __init__(
        self, x: Exchange, pseudonym: Callable[[str], str], *, hashed: bool, restorable: bool
    ) -> None:
        self._x = x
        self._pseudonym_of = pseudonym
        self._hashed = hashed
        self._restorable = restorable
        self._issued: dict[tuple[str, str], str] = {}
        self._last: Counter[str] = Counter()
        """The number issued last, by type."""

    def issue(self, kind: str, value: str) -> str:
        """The placeholder for a value. If it is restorable, the vault can turn it back."""
        name = (kind, canonical(kind, value))
        placeholder = self._issued.get(name)
        if placeholder is None:
            placeholder = self._hash(*name) if self._hashed else self._numbered(*name)
            self._issued[name] = placeholder
            if self._restorable:
                self._x.vault[placeholder] = value
        return placeholder

    def _hash(self, kind: str, value: str) -> str:
        return f"[{kind.upper()}_{self._pseudonym(kind, value)[:HASH_DIGITS]}]"

    def _numbered(self, kind: str, value: str) -> str:
        first = self._drawn(kind, value) if self._continues else self._last[kind] + 1
        for number in itertools.count(first):
            placeholder = f"[{kind.upper()}_{number}]"
            if placeholder not in self._taken:
                break
        self._taken.add(placeholder)
        self._last[kind] = number
        return placeholder

    def _drawn(self, kind: str, value: str) -> int:
        """A number derived from the value.

        In the turns that the provider stores, 1, 2, 3 may already stand for other values, and an
        answer must not confuse them.
        """
        drawn = int(self._pseudonym(kind, value)[:12], 16)
        return LOWEST_DRAWN + drawn % (HIGHEST_DRAWN - LOWEST_DRAWN)

    def _pseudonym(self, kind: str, value: str) -> str:
        return self._pseudonym_of("\0".join((self._x.partition, kind, value)))

    @cached_property
    def _continues(self) -> bool:
        """Whether the request continues turns that only its provider stores."""
        tie = self._x.request.meaning.tie
        return tie is not None and tie.param in KEPT_TURNS

    @cached_property
    def _taken(self) -> set[str]:
        """Placeholders not to issue: those issued before, and those the caller itself wrote."""
        return {name for text in texts_in(self._x.request) for name in ISSUED.findall(text)}


def canonical(kind: str, value: str) -> str:
    """The form that all spellings of a value share."""
    value = value.lower()
    return "".join(c for c in value if c.isalnum()) if kind in WRITTEN_FREELY else value


def as_issued(written: str) -> str:
    """The placeholder that a model meant, whatever spelling it used."""
    words = WORDS.findall(BRACKETS.sub("", written))
    return f"[{'_'.join(words).upper()}]"
