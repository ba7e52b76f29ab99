"""Patterns in google-re2: linear time, whatever the pattern and the text.

Texts are matched as UTF-8 bytes, which are encoded once for all patterns. `\\b` and `\\w` then mean
ASCII only; rules that need more check the characters next to a match (`Rule.whole_words`).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias, cast

import re2

from stockyard.core.scan.growing import ANYTHING, UnusableError, growing
from stockyard.errors import InvalidConfig

MAX_PATTERN = 1_000
"""Characters of an operator's pattern (`security.md` 8)."""
MAX_PROGRAM_MEMORY = 1 << 20
"""For a compiled pattern of an operator: a{1000} is small, but ten times ((a{30}){30}) is not."""
MEMORY = 64 << 20
"""For the states of a set of patterns. With too little memory, a set finds nothing."""


class Match(Protocol):
    def span(self, group: int = 0) -> tuple[int, int]: ...
    def start(self) -> int: ...


class Regex(Protocol):
    groups: int

    def search(self, text: bytes, pos: int = 0) -> Match | None: ...


class RegexSet(Protocol):
    def Match(self, text: bytes) -> list[int] | None: ...  # noqa: N802  google-re2 calls it so


def _options(memory: int = MEMORY) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory
    return options


def regex(pattern: str, *, memory: int = MEMORY) -> Regex:
    return cast(Regex, re2.compile(pattern.encode(), _options(memory)))


Place: TypeAlias = tuple[int, int, int, int]
"""Begin and end of a match, then of the value in it, in bytes."""
Find: TypeAlias = Callable[[bytes, int], Place | None]
"""The first match at or behind an offset."""


def finder(pattern: str) -> Find:
    """A function that finds the pattern. If it has a group, the group is the value.

    Calls the engine directly: re2's own Python layer takes four times as long as the match.
    """
    engine = re2._re2.RE2
    compiled = engine(pattern.encode(), _options())
    if not compiled.ok():  # otherwise it would silently find nothing
        raise re2.error(compiled.error())
    match, unanchored = compiled.Match, engine.Anchor.UNANCHORED
    meant = 1 if compiled.NumberOfCapturingGroups() else 0

    def first_match(data: bytes, at: int) -> Place | None:
        spans = match(unanchored, data, at, len(data))
        begin, end = spans[0]
        if begin < 0:
            return None
        first, last = spans[meant]
        return (begin, end, begin, end) if first < 0 else (begin, end, first, last)

    return first_match


def regex_set(patterns: Iterable[str]) -> RegexSet:
    """Tells in one pass which of the patterns occur in a text."""
    patterns = list(patterns)
    found = re2.Set.SearchSet(_options())
    for pattern in patterns:
        found.Add(pattern.encode())
    found.Compile()
    return cast(RegexSet, found)


def growing_tail(patterns: Sequence[str]) -> Regex:
    """Finds the longest end of a text that could still grow into a match of any pattern."""
    tails = []
    for pattern in patterns:
        try:
            tails.append(growing(pattern))
        except UnusableError:
            tails.append(ANYTHING)
    return regex(rf"(?:{'|'.join(tails)})\z")


def operator_pattern(pattern: str, path: str) -> str:
    """Check an operator's pattern for streams. Raises InvalidConfig with the field's path."""
    compiled = operator_regex(pattern, path)
    try:
        growing(pattern)
    except UnusableError as error:
        raise _unusable(path, error) from error
    if compiled.search(b"") is not None:
        raise InvalidConfig(path, "This pattern matches an empty text.")
    return pattern


def operator_regex(pattern: str, path: str) -> Regex:
    """An operator's pattern for whole texts. Raises InvalidConfig with the field's path."""
    if len(pattern) > MAX_PATTERN:
        raise InvalidConfig(path, f"A pattern has at most {MAX_PATTERN:,} characters.")
    try:
        return regex(pattern, memory=MAX_PROGRAM_MEMORY)
    except re2.error as error:
        raise _unusable(path, error) from error


def _unusable(path: str, error: Exception) -> InvalidConfig:
    said = error.args[0] if error.args else ""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return InvalidConfig(path, f"This pattern cannot be used: {text.rstrip('.')}.")


def literal(word: str) -> str:
    """A pattern that matches exactly this word."""
    return cast(str, re2.escape(word))
