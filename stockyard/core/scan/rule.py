"""Rules as data: what to look for, how certain a match is, and samples to test it with.

A pack is a file in `packs/`. Its samples are abbreviated, `{abc*3}` for abcabcabc, so that scanners
do not take this repository's made-up secrets for real ones. Every sample is a test.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

LABELLED = (
    r"(?i:{names})[\w.\-]{{0,32}}(?:\\?[\"'`\]]){{0,2}}[ \t]{{0,4}}(?:=>|:=|=|:)[ \t]{{0,4}}"
    r"(?:\\?[\"'`]){{0,2}}({value})"
)
"""A value behind its name: `name = value`, `"name": "value"`, `name: value`."""


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to look for: a `pattern`, or a `value` behind one of the `names`, as in assignments."""

    id: str
    type: str
    pattern: str = ""
    """If it has a group, the group is the value, and the rest must occur around it."""
    names: tuple[str, ...] = ()
    value: str = ""
    keywords: tuple[str, ...] = ()
    """One of these, in lower case, must occur in the match or in the 64 characters before it."""
    check: str = ""
    """A further condition on the value: a name in `CHECKS` (`checks.py`)."""
    shrinks: bool = False
    """When the check fails, try again without the last group of characters."""
    confidence: float = 1.0
    context: tuple[str, ...] = ()
    """Words, in lower case, that increase the confidence if they occur within 40 characters."""
    country: str = ""
    whole_words: bool = False
    """No letter, digit or underscore of any script may stand next to the value."""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The whole pattern."""
        if not self.names:
            return self.pattern
        return LABELLED.format(names="|".join(self.names), value=self.value)


class Pack(Struct, frozen=True, forbid_unknown_fields=True):
    """A versioned set of rules."""

    name: str
    version: int
    rule: tuple[Rule, ...]


@cache
def pack(name: str) -> Pack:
    """A pack that comes with Stockyard. Read on first use."""
    text = files("stockyard.core.scan").joinpath("packs", f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Pack)


_PIECE = re.compile(r"\{([^{}]+?)\*(\d+)\}")


def sample(written: str) -> str:
    """The text of an abbreviated sample."""
    return _PIECE.sub(lambda m: m[1] * int(m[2]), written)
