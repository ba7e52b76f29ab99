"""Rules as data: what to look for, how sure a match is, and samples that prove it.

A pack is a file in `packs/`. Samples are written in pieces, `{abc*3}` for abcabcabc, so that no
scanner takes this repository's made-up secrets for real ones. Every sample is a test.
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
    """What to look for: a `pattern`, or `names` and the pattern of the `value` that they carry."""

    id: str
    type: str
    pattern: str = ""
    """With a group, the group is the match and the rest is what must stand around it."""
    names: tuple[str, ...] = ()
    value: str = ""
    keywords: tuple[str, ...] = ()
    """One of these, in lower case, must stand in the match or within 64 characters before it."""
    check: str = ""
    """What else must hold of the match: a name in `checks.py`."""
    shrinks: bool = False
    """When the check fails, try again without the last group of characters."""
    confidence: float = 1.0
    context: tuple[str, ...] = ()
    """Words, in lower case, that make the match surer when they stand within 40 characters."""
    country: str = ""
    whole_words: bool = False
    """No letter, digit or underscore of any script may touch the match."""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The pattern in full."""
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
    """A pack that ships with Stockyard. Read when somebody first asks for it."""
    text = files("stockyard.core.scan").joinpath("packs", f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Pack)


_PIECE = re.compile(r"\{([^{}]+?)\*(\d+)\}")


def sample(written: str) -> str:
    """The text of a sample, its pieces put together."""
    return _PIECE.sub(lambda m: m[1] * int(m[2]), written)
