"""Search the texts of one call in turns, within a bound.

Most texts have few candidates and are searched quickly. One with very many would block a worker
thread that other calls need, so after each turn other calls may have theirs. A call that would take
more than a few seconds of processor time, or that waits too long for its turns, is refused.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from stockyard.core.ports import Span
from stockyard.core.scan.matcher import RuleMatcher
from stockyard.core.scan.search import Search
from stockyard.errors import Refused

TURN_TRIES = 10_000
"""About fifty milliseconds of work. `search.py` explains what a try is."""
MOST_TRIES = 600_000
"""The bound for one call. A MiB in which every word is a candidate takes a quarter of it."""
PATIENCE = 30.0
"""Seconds for all turns of a call, including the waits between them."""

Offload = Callable[[Callable[[], bool]], Awaitable[bool]]


class CallSearch:
    """Finds Spans in the texts of one call: in turns, for texts given to `want`; others at once."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[RuleMatcher, str]] = deque()
        self._search: Search | None = None
        self._spans: dict[tuple[RuleMatcher, str], list[Span]] = {}
        self._left = MOST_TRIES

    def want(self, matcher: RuleMatcher, text: str) -> None:
        """Search this text with `in_turns`."""
        self._waiting.append((matcher, text))

    async def in_turns(self, offload: Offload) -> None:
        """Search all texts that are wanted, each turn with an `offload` of its own."""
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
        """Search for a while. Returns whether everything is searched."""
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
    """The refusal by a module that fails CLOSED. The text causes it, so it does not count as a
    failure of the module."""
    return Refused(
        503,
        "module_failed",
        "Too much of this text looks like what is searched for in it. Send it in parts.",
    )
