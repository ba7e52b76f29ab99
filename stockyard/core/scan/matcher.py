"""The matching engine: where rules match in a text, and what later text cannot change any more.

Each rule is followed on its own from left to right: a candidate that passes its check is taken and
the search goes on behind it; one that fails is passed over by a single character. Where candidates
of different rules overlap, they become one Span that covers them all and is named after the best:
the longer, then the surer, then the earlier rule. Nothing of a candidate that lost stays readable,
and nothing depends on the order of a map.

For streams, `look` also says from where on the text is still open: where a match might begin whose
end has not come yet, or where a candidate stands on whose right side a word of context may still
appear. Because a rule's next candidate depends only on the text behind its last one, looking again
from any position that is not inside a candidate gives the same candidates. On these two facts
rests the law of `core/window.py`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from stockyard.core.ports import Span
from stockyard.core.scan.checks import CHECKS, Check
from stockyard.core.scan.regex import (
    Regex,
    growing_tail,
    literal,
    operator_pattern,
    regex,
    regex_set,
)
from stockyard.core.scan.rule import Rule

REACH = 4_096
BEFORE = 64
"""Characters to the left of a match that rules may ask about."""
NEAR = 40
"""Context words count within this many characters."""
AHEAD = NEAR + 16
"""Characters to the right that must be known before context is settled."""
CONTEXT_BONUS = 0.2
CODE_MALUS = 0.3

_LAST_GROUP = re.compile(r"[ \-./]+[^ \-./]*\Z")

Accepts = Callable[[Rule, str], bool]


class Look(NamedTuple):
    """What a text holds so far."""

    spans: list[Span]
    """Those that are settled: all of them end before `open_from`."""
    open_from: int
    """From here on, later text may change the picture."""
    pending: list[Span]
    """What stands in the open part, as it looks now."""


class _Candidate(NamedTuple):
    start: int
    end: int
    """The whole match, with what the pattern wants around it."""
    first: int
    last: int
    """The part that is meant."""
    order: int
    confidence: float
    settled: bool
    counts: bool
    """False for a value that may pass. Its place is taken: no part of it is a match either."""


class _Pattern:
    """A rule, ready to search. Its expression is compiled when the rule first occurs."""

    def __init__(self, order: int, rule: Rule, check: Check | None) -> None:
        self.order = order
        self.rule = rule
        self.check = check
        self._regex: Regex | None = None

    @property
    def regex(self) -> Regex:
        if self._regex is None:
            self._regex = regex(self.rule.expression)
        return self._regex

    def confirmed(self, value: str) -> str:
        """The value if its check holds; of one that may shrink, the longest head that passes."""
        while value and self.check is not None and not self.check(value):
            shorter = _LAST_GROUP.sub("", value)
            value = shorter if self.rule.shrinks and shorter != value else ""
        return value


class RuleMatcher:
    """Finds what rules describe. Fulfils the protocol `Matcher` of `core/ports.py`."""

    def __init__(
        self,
        rules: Iterable[Rule],
        *,
        least: float = 0.0,
        checks: dict[str, Check] | None = None,
        accepts: Accepts | None = None,
        reach: int = REACH,
    ) -> None:
        known = CHECKS | (checks or {})
        self.reach = reach
        """The longest match, in characters, for which a stream is held back."""
        self.rules = {rule.id: rule for rule in rules}
        self._least = least
        self._accepts = accepts
        self._patterns = [
            _Pattern(n, rule, known[rule.check] if rule.check else None)
            for n, rule in enumerate(self.rules.values())
        ]
        expressions = [rule.expression for rule in self.rules.values()]
        self._set = regex_set(expressions) if expressions else None
        self._tail = growing_tail(expressions) if expressions else None

    def find(self, text: str) -> list[Span]:
        found = self._candidates(text, _encoded(text), 0, complete=True)
        return self._merged(found) if found else []

    def found_in(self, texts: Iterable[str]) -> bool:
        return any(self.find(text) for text in texts)

    def replace(self, text: str, mask: str | Callable[[Span, str], str]) -> str:
        return replaced(text, self.find(text), mask)

    def look(self, text: str, start: int, *, complete: bool = False) -> Look:
        """What is settled from `start` on; unless it is complete, `text` may go on at its end."""
        if self._tail is None:
            return Look([], len(text), [])
        data = _encoded(text)
        found = self._candidates(text, data, start, complete=complete)
        if complete:
            return Look(self._merged(found), len(text), [])
        open_from = _open_from(self._tail, text, data, start)
        if not found:
            return Look([], open_from, [])
        for candidate in sorted(found, key=lambda c: (c.settled, -c.end)):
            if not candidate.settled or candidate.end > open_from:
                open_from = min(open_from, candidate.start)
        sure = [c for c in found if c.settled and c.confidence >= self._least]
        return Look(
            self._merged([c for c in sure if c.end <= open_from]),
            open_from,
            self._merged([c for c in sure if c.end > open_from]),
        )

    def _candidates(
        self, text: str, data: bytes, start: int, *, complete: bool
    ) -> list[_Candidate]:
        hits = self._set.Match(data) if self._set is not None else None
        found: list[_Candidate] = []
        for hit in hits or ():
            found += self._of_rule(self._patterns[hit], text, data, start, complete=complete)
        return found

    def _of_rule(
        self, pattern: _Pattern, text: str, data: bytes, start: int, *, complete: bool
    ) -> Iterator[_Candidate]:
        search, group = pattern.regex.search, int(pattern.regex.groups > 0)
        place = _Place(data, text)
        at = start if place.plain else len(_encoded(text[:start]))
        while (match := search(data, at)) is not None:
            span = match.span()
            meant = match.span(group)
            if meant[0] < 0:
                meant = span
            candidate = self._judged(pattern, text, place, span, meant, complete=complete)
            if candidate is not None:
                yield candidate
            at = span[0] + 1 if candidate is None else max(place.byte(candidate.last), at + 1)
            if at > len(data):
                return

    def _judged(
        self,
        pattern: _Pattern,
        text: str,
        place: "_Place",
        span: tuple[int, int],
        meant: tuple[int, int],
        *,
        complete: bool,
    ) -> _Candidate | None:
        start, first, last, end = place.chars(span[0], meant[0], meant[1], span[1])
        rule, value = pattern.rule, pattern.confirmed(text[first:last])
        last = first + len(value)
        if not value or (rule.whole_words and _touched(text, first, last)):
            return None
        if rule.keywords and not _near(rule.keywords, text[max(0, first - BEFORE) : last].lower()):
            return None
        counts = self._accepts is None or self._accepts(rule, value)
        confidence = _confidence(rule, text, first, last)
        settled = complete or not rule.context or len(text) - last >= AHEAD
        if confidence + (0 if settled else CONTEXT_BONUS) < self._least:
            return None
        return _Candidate(start, end, first, last, pattern.order, confidence, settled, counts)

    def _merged(self, candidates: list[_Candidate]) -> list[Span]:
        spans: list[Span] = []
        for group in _overlapping([c for c in candidates if c.counts]):
            best = min(group, key=lambda c: (c.first - c.last, -c.confidence, c.order))
            first, last = min(c.first for c in group), max(c.last for c in group)
            rule = self._patterns[best.order].rule.id
            spans.append(Span(first, last, rule, round(best.confidence, 3)))
        return spans


def matcher(
    words: Sequence[str] = (),
    *,
    patterns: Sequence[str] = (),
    ignore_case: bool = False,
    whole_words: bool = False,
    path: str = "patterns",
) -> RuleMatcher:
    """The Port `matcher`: finds words and an operator's patterns. A Span's rule is the word itself.

    Raises InvalidConfig with `path[n]` for a pattern that cannot be used.
    """
    flags = "(?i)" if ignore_case else ""
    rules = [
        Rule(id=word, type="word", pattern=flags + literal(word), whole_words=whole_words)
        for word in words
        if word
    ]
    for n, pattern in enumerate(patterns):
        operator_pattern(pattern, f"{path}[{n}]")
        rules.append(
            Rule(id=pattern, type="pattern", pattern=f"({flags}{pattern})", whole_words=whole_words)
        )
    return RuleMatcher(rules)


def replaced(text: str, spans: Sequence[Span], mask: str | Callable[[Span, str], str]) -> str:
    """The text with every Span replaced. Spans are in order and do not overlap."""
    if not spans:
        return text
    pieces: list[str] = []
    at = 0
    for span in spans:
        value = text[span.start : span.end]
        pieces += (text[at : span.start], mask if isinstance(mask, str) else mask(span, value))
        at = span.end
    pieces.append(text[at:])
    return "".join(pieces)


class _Place:
    """Turns byte offsets, which never go far back, into character offsets."""

    def __init__(self, data: bytes, text: str) -> None:
        self.plain = len(data) == len(text)
        self._data = data
        self._text = text
        self._byte = self._char = 0

    def chars(self, *offsets: int) -> tuple[int, ...]:
        if self.plain:
            return offsets
        return tuple(self._char_of(offset) for offset in offsets)

    def byte(self, char: int) -> int:
        """The byte offset of a character at or before the last one asked for."""
        if self.plain:
            return char
        return self._byte - len(_encoded(self._text[char : self._char]))

    def _char_of(self, offset: int) -> int:
        if offset < self._byte:
            self._char -= _length(self._data[offset : self._byte])
        else:
            self._char += _length(self._data[self._byte : offset])
        self._byte = offset
        return self._char


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _length(data: bytes) -> int:
    return len(data.decode("utf-8", "surrogatepass"))


def _open_from(tail: Regex, text: str, data: bytes, start: int) -> int:
    """Where the longest end begins that could still grow into a match."""
    plain = len(data) == len(text)
    growing = tail.search(data, start if plain else len(_encoded(text[:start])))
    if growing is None:
        return len(text)
    return growing.start() if plain else len(text) - _length(data[growing.start() :])


def _touched(text: str, first: int, last: int) -> bool:
    before, after = text[first - 1 : first] if first else "", text[last : last + 1]
    return any(c == "_" or c.isalnum() for c in before + after)


def _near(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)


def _confidence(rule: Rule, text: str, first: int, last: int) -> float:
    confidence = rule.confidence
    if rule.context:
        around = text[max(0, first - NEAR) : first] + " " + text[last : last + NEAR]
        if _near(rule.context, around.lower()):
            confidence += CONTEXT_BONUS
        if _in_code(text, first, last):
            confidence -= CODE_MALUS
    return confidence


def _in_code(text: str, first: int, last: int) -> bool:
    """Whether the match is glued into an identifier, a version, a path or a longer number."""
    before, after = text[max(0, first - 2) : first], text[last : last + 2]
    return (
        before[-1:] in ("_", "#", "/", "\\", "$")
        or (before[:1].isdigit() and before[1:] in ("-", "."))
        or after[:1] in ("_", "(")
        or (after[:1] in ("-", ".") and after[1:].isdigit())
    )


def _overlapping(candidates: list[_Candidate]) -> Iterator[list[_Candidate]]:
    """Groups of candidates that cover common ground, from left to right."""
    group: list[_Candidate] = []
    reached = -1
    for candidate in sorted(candidates, key=lambda c: (c.first, c.last, c.order)):
        if group and candidate.first >= reached:
            yield group
            group = []
            reached = -1
        group.append(candidate)
        reached = max(reached, candidate.last)
    if group:
        yield group
