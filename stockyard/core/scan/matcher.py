"""The matching engine: where rules match in a text, and which matches later text cannot change.

Each rule is searched for separately, from left to right. After a candidate that passes its check,
the search continues behind it; after one that fails, at its second character. Where candidates of
different rules overlap, they become one Span that covers them all and is named after the best: the
longest, then the most confident, then that of the first rule. So no part of a candidate stays
readable, and the result does not depend on any order.

For streams, `matches_in` also tells from where on the text is open: a match may begin there whose
end has not come yet, or a candidate whose context may still follow. A rule's next candidate depends
only on the text behind its last one, so a search from any position outside a candidate finds the
same candidates. The law of `core/window.py` follows from these two facts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from stockyard.core.ports import Span
from stockyard.core.scan.checks import CHECKS, Check
from stockyard.core.scan.regex import (
    Regex,
    growing_tail,
    literal,
    operator_pattern,
    regex_set,
)
from stockyard.core.scan.rule import Rule
from stockyard.core.scan.search import Accepts, Candidate, Encoded, Pattern, Search, length

REACH = 4_096

_PLACED = attrgetter("first", "last", "order")


class Matches(NamedTuple):
    """The matches in a text that may go on."""

    settled: list[Span]
    """Final: all of them end before `open_from`."""
    open_from: int
    """Later text may change the matches from here on."""
    pending: list[Span]
    """The matches in the open part, as they are now."""
    tries: int
    """The cost of the search, see `search.py`."""


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
            Pattern(n, rule, known[rule.check] if rule.check else None)
            for n, rule in enumerate(self.rules.values())
        ]
        expressions = [rule.expression for rule in self.rules.values()]
        self._set = regex_set(expressions) if expressions else None
        self._tail = growing_tail(expressions) if expressions else None

    def find(self, text: str) -> list[Span]:
        search = self.search(text)
        search.go_on()
        return self.spans(search)

    def search(self, text: str) -> Search:
        """A search in several steps: `go_on` until it is `done`, then pass it to `spans`."""
        return self._search(Encoded(text), 0, complete=True)

    def spans(self, search: Search) -> list[Span]:
        return self._merged(search.found) if search.found else []

    def found_in(self, texts: Iterable[str]) -> bool:
        return any(self.find(text) for text in texts)

    def replace(self, text: str, mask: str | Callable[[Span, str], str]) -> str:
        return replaced(text, self.find(text), mask)

    def matches_in(self, text: str, start: int, *, complete: bool = False) -> Matches:
        """The matches from `start` on. Unless it is complete, `text` may go on at its end."""
        if self._tail is None:
            return Matches([], len(text), [], 0)
        data = Encoded(text)
        search = self._search(data, start, complete=complete)
        tries = search.go_on()
        found = search.found
        if complete:
            return Matches(self._merged(found), len(text), [], tries)
        open_from = _open_from(self._tail, data, start)
        if not found:
            return Matches([], open_from, [], tries)
        for candidate in sorted(found, key=lambda c: (c.settled, -c.end)):
            if not candidate.settled or candidate.end > open_from:
                open_from = min(open_from, candidate.start)
        sure = [c for c in found if c.settled and c.confidence >= self._least]
        return Matches(
            self._merged([c for c in sure if c.end <= open_from]),
            open_from,
            self._merged([c for c in sure if c.end > open_from]),
            tries,
        )

    def _search(self, text: Encoded, start: int, *, complete: bool) -> Search:
        hits = self._set.Match(text.data) if self._set is not None else None
        return Search(
            [self._patterns[hit] for hit in hits or ()],
            text,
            start=start,
            complete=complete,
            least=self._least,
            accepts=self._accepts,
        )

    def _merged(self, candidates: list[Candidate]) -> list[Span]:
        spans: list[Span] = []
        for group in _overlapping([c for c in candidates if c.counts]):
            best, first, last = group[0], group[0].first, group[0].last
            if len(group) > 1:
                best = min(group, key=lambda c: (c.first - c.last, -c.confidence, c.order))
                last = max(c.last for c in group)
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


def _open_from(tail: Regex, text: Encoded, start: int) -> int:
    """The beginning of the longest tail that could still grow into a match."""
    growing = tail.search(text.data, text.from_start(start))
    if growing is None:
        return len(text.text)
    begins = growing.start()
    return begins if text.plain else len(text.text) - length(text.data[begins:])


def _overlapping(candidates: list[Candidate]) -> Iterator[list[Candidate]]:
    """Groups of candidates that overlap, from left to right."""
    group: list[Candidate] = []
    reached = -1
    for candidate in sorted(candidates, key=_PLACED):
        if group and candidate.first >= reached:
            yield group
            group = []
            reached = -1
        group.append(candidate)
        reached = max(reached, candidate.last)
    if group:
        yield group
