"""Search one text for many rules, step by step.

One pass with all patterns together finds the rules that occur at all. Only those are then searched
for, one after another, from left to right. A Search can stop after any number of tries and continue
later, so its caller decides how long a step may take and how much a text may cost.

A try is one candidate, accepted or not, and takes a few microseconds. Each KiB of text that the
engine skipped before it counts as another try, so tries measure the work, whatever the text is.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from stockyard.core.scan.checks import Check
from stockyard.core.scan.regex import Find, Place, finder
from stockyard.core.scan.rule import Rule

BEFORE = 64
"""Characters before a match that rules may depend on. A Window keeps as many."""
NEAR = 40
"""Context words count within this many characters."""
AHEAD = NEAR + 16
"""Characters behind a match that must have come before its context is final."""
CONTEXT_BONUS = 0.2
CODE_MALUS = 0.3
ENDLESS = 1 << 62
DOUBT = 8
"""After so many rejected candidates it is checked whether any other could be accepted; one more for
each 4 KiB of text, because the check reads all of it."""
SIGMAS = ("\N{GREEK SMALL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}")
"""Lower case turns a capital sigma into either, depending on the letters around it."""

_LAST_GROUP = re.compile(r"[ \-./]+[^ \-./]*\Z")

Accepts = Callable[[Rule, str], bool]


class Candidate(NamedTuple):
    start: int
    end: int
    """The whole match, including what the pattern requires around the value."""
    first: int
    last: int
    """The value itself."""
    order: int
    confidence: float
    settled: bool
    counts: bool
    """False for an accepted value. It still takes its place: no part of it can match either."""


class Pattern:
    """A rule that is ready to be searched for. Its expression is compiled on first use."""

    def __init__(self, order: int, rule: Rule, check: Check | None) -> None:
        self.order = order
        self.rule = rule
        self.check = check
        self._find: Find | None = None

    @property
    def find(self) -> Find:
        if self._find is None:
            self._find = finder(self.rule.expression)
        return self._find

    def confirmed(self, value: str) -> str:
        """The value if it passes the check. If the rule `shrinks`, the longest beginning that does;
        empty if none does."""
        if self.check is None or self.check(value):
            return value
        while self.rule.shrinks and (shorter := _LAST_GROUP.sub("", value)) != value:
            value = shorter
            if value and self.check(value):
                return value
        return ""


class Encoded:
    """A text as UTF-8 bytes. Converts offsets in both directions, fastest near the last one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = encoded(text)
        self.plain = len(self.data) == len(text)
        self._byte = self._char = 0

    @cached_property
    def lowered(self) -> str:
        return self.text.lower()

    def byte(self, char: int) -> int:
        """The byte offset of a character at or before the last converted one."""
        return self._byte - len(encoded(self.text[char : self._char]))

    def from_start(self, char: int) -> int:
        """The byte offset of any character."""
        return char if self.plain else len(encoded(self.text[:char]))

    def rewind(self) -> None:
        """Start again at the beginning, because the next offset may be anywhere."""
        self._byte = self._char = 0

    def char(self, offset: int) -> int:
        """The character at a byte offset."""
        if offset < self._byte:
            self._char -= length(self.data[offset : self._byte])
        else:
            self._char += length(self.data[self._byte : offset])
        self._byte = offset
        return self._char


def _chars(text: Encoded, begin: int, end: int, first: int, last: int) -> Place:
    """A place in characters. An offset that match and value share, as most do, is converted
    once."""
    start = text.char(begin)
    meant_from = start if first == begin else text.char(first)
    meant_to = text.char(last)
    return start, meant_to if end == last else text.char(end), meant_from, meant_to


class Search:
    """The candidates of some rules in one text, from `start` on."""

    def __init__(
        self,
        patterns: list[Pattern],
        text: Encoded,
        *,
        start: int = 0,
        complete: bool = True,
        least: float = 0.0,
        accepts: Accepts | None = None,
    ) -> None:
        self.found: list[Candidate] = []
        self._left = patterns[::-1]
        self._text = text
        self._begin = text.from_start(start) if patterns else 0
        self._at = self._begin
        self._rejected = 0
        """Rejected candidates of the current rule."""
        self._out_of_context = False
        """Whether the text lacks the context words without which none is confident enough."""
        self._doubt = DOUBT + (len(text.text) >> 12)
        self._complete = complete
        self._least = least
        self._accepts = accepts

    @property
    def done(self) -> bool:
        return not self._left

    def go_on(self, tries: int = ENDLESS) -> int:
        """Try about this many candidates; returns how many it tried."""
        tried = 0
        while self._left and tried < tries:
            tried += self._follow(self._left[-1], tries - tried)
        return tried

    def _follow(self, pattern: Pattern, tries: int) -> int:
        """Continue with one rule, and go to the next one after its last candidate."""
        find, text = pattern.find, self._text
        data, plain = text.data, text.plain
        at, tried = self._at, 0
        while tried < tries:
            place = find(data, at)
            if place is None:
                self._next_rule()
                return tried + (len(data) - at >> 10)
            tried += 1 + (place[1] - at >> 10)
            if plain:
                candidate = self._judged(pattern, *place)
            else:
                candidate = self._judged(pattern, *_chars(text, *place))
            if candidate is None:
                at = place[0] + 1
                self._rejected += 1
                if self._rejected == self._doubt and self._hopeless(pattern.rule):
                    self._next_rule()
                    return tried
            else:
                self.found.append(candidate)
                at = max(candidate.last if plain else text.byte(candidate.last), at + 1)
        self._at = at
        return tried

    def _next_rule(self) -> None:
        self._left.pop()
        self._at, self._rejected, self._out_of_context = self._begin, 0, False
        self._text.rewind()

    def _hopeless(self, rule: Rule) -> bool:
        """Whether the text lacks a word without which none of the rule's candidates counts."""
        lowered = self._text.lowered
        if rule.keywords and not _occurs(rule.keywords, lowered):
            return True
        if rule.context and rule.confidence < self._least:
            self._out_of_context = not _occurs(rule.context, lowered)
        # If the text may go on, the word may still follow a candidate at its end.
        return self._complete and self._out_of_context

    def _judged(
        self, pattern: Pattern, start: int, end: int, first: int, last: int
    ) -> Candidate | None:
        text, rule = self._text.text, pattern.rule
        if self._out_of_context and len(text) - last >= AHEAD:
            return None
        value = text[first:last]
        if pattern.check is not None:
            value = pattern.confirmed(value)
            last = first + len(value)
        if not value or (rule.whole_words and _touched(text, first, last)):
            return None
        if rule.keywords and not _near(rule.keywords, text[max(0, first - BEFORE) : last].lower()):
            return None
        confidence, settled = rule.confidence, True
        if rule.context:
            settled = self._complete or len(text) - last >= AHEAD
            confidence = _in_context(rule, text, first, last)
        if confidence + (0 if settled else CONTEXT_BONUS) < self._least:
            return None
        counts = self._accepts is None or self._accepts(rule, value)
        return Candidate(start, end, first, last, pattern.order, confidence, settled, counts)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def length(data: bytes) -> int:
    return len(data.decode("utf-8", "surrogatepass"))


def _touched(text: str, first: int, last: int) -> bool:
    before, after = text[first - 1 : first] if first else "", text[last : last + 1]
    return any(c == "_" or c.isalnum() for c in before + after)


def _near(words: tuple[str, ...], text: str) -> bool:
    for word in words:  # noqa: SIM110  half the time of any() with a generator
        if word in text:
            return True
    return False


def _occurs(words: tuple[str, ...], lowered: str) -> bool:
    """The same for a whole text. True for words with a sigma, which may be spelled either way."""
    return _near(words, lowered) or any(sigma in word for word in words for sigma in SIGMAS)


def _in_context(rule: Rule, text: str, first: int, last: int) -> float:
    confidence = rule.confidence
    around = f"{text[max(0, first - NEAR) : first]} {text[last : last + NEAR]}"
    if _near(rule.context, around.lower()):
        confidence += CONTEXT_BONUS
    if _in_code(text, first, last):
        confidence -= CODE_MALUS
    return confidence


def _in_code(text: str, first: int, last: int) -> bool:
    """Whether the match is a part of an identifier, a version, a path or a longer number."""
    before, after = text[max(0, first - 2) : first], text[last : last + 2]
    return (
        before[-1:] in ("_", "#", "/", "\\", "$")
        or (before[1:] in ("-", ".") and before[0].isdigit())
        or after[:1] in ("_", "(")
        or (after[:1] in ("-", ".") and after[1:].isdigit())
    )
