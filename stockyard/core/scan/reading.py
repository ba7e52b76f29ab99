"""Read the texts of one call in turns, within a bound.

Few texts hold much that looks like what is searched for, and those are soon read. One that does
would keep a worker thread from everybody else's, so reading gives way after each turn; and it ends
with a refusal where a call would cost more than a few seconds of a processor, or waits too long for
its turns.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from stockyard.core.ports import Span
from stockyard.core.scan.matcher import RuleMatcher
from stockyard.core.scan.search import Search
from stockyard.errors import Refused

TURN_TRIES = 10_000
"""Some fifty milliseconds. What a try is, `search.py` says."""
MOST_TRIES = 600_000
"""For one call. A MiB in which every word is a candidate takes a quarter of them."""
PATIENCE = 30.0
"""Seconds that reading a call may take in all."""

Offload = Callable[[Callable[[], bool]], Awaitable[bool]]


class Reading:
    """What stands in the texts of one call. What was not wanted beforehand is read when asked."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[RuleMatcher, str]] = deque()
        self._search: Search | None = None
        self._spans: dict[tuple[RuleMatcher, str], list[Span]] = {}
        self._left = MOST_TRIES

    def want(self, matcher: RuleMatcher, text: str) -> None:
        self._waiting.append((matcher, text))

    async def in_turns(self, offload: Offload) -> None:
        """Read all that is wanted, each turn as a piece of work of its own."""
        ends = monotonic() + PATIENCE
        while not await offload(self._turn):
            if monotonic() > ends:
                raise Refused(
                    503, "overloaded", "Too many long texts are being read.", retry_after=5
                )

    def find(self, matcher: RuleMatcher, text: str) -> list[Span]:
        spans = self._spans.get((matcher, text))
        if spans is None:
            search = matcher.search(text)
            self._go_on(search, MOST_TRIES)
            spans = self._spans[matcher, text] = matcher.spans(search)
        return spans

    def _turn(self) -> bool:
        """Read on for a while. Returns whether all is read."""
        tries = TURN_TRIES
        while self._waiting and tries > 0:
            matcher, text = self._waiting[0]
            if self._search is None:
                self._search = matcher.search(text)
            tries -= 1 + self._go_on(self._search, tries)
            if self._search.done:
                self._spans[matcher, text] = matcher.spans(self._search)
                self._search = None
                self._waiting.popleft()
        return not self._waiting

    def _go_on(self, search: Search, tries: int) -> int:
        tried = search.go_on(min(tries, self._left + 1))
        self._left -= tried
        if self._left < 0:
            raise too_dense()
        return tried


def too_dense() -> Refused:
    """For modules that fail CLOSED. It is the text's fault, so it does not count as theirs."""
    return Refused(
        503,
        "module_failed",
        "Too much of this text looks like what is searched for in it. Send it in parts.",
    )
