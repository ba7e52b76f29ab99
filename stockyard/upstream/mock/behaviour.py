"""What the names of mock models mean. Prompts never change how the mock provider behaves."""

import re
from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

LONGEST_DELAY_MS = 600_000
MOST_TOKENS = 20_000
LONGEST_NAME = 64
"""Longer than every name with a meaning."""


class Behaviour(Struct, frozen=True, kw_only=True):
    delay_seconds: float = 0.0
    """The wait before the first byte."""
    status: int = 200
    cut_after: int | None = None
    """Close the connection after this many pieces."""
    stall_after: int | None = None
    """Send nothing more after this many pieces, and do not end."""
    broken_json: bool = False
    """Send JSON that ends too early."""
    tokens: int | None = None
    """Answer with about this many tokens."""
    calls_tools: bool = False
    thinks: bool = False
    flags: bool = False
    """Moderation flags every text, in all categories."""


ECHO = Behaviour()

_NAMES: tuple[tuple[re.Pattern[str], Callable[[int], Behaviour]], ...] = (
    (re.compile(r"slow"), lambda _: Behaviour(delay_seconds=2.0)),
    (
        re.compile(r"delay-([0-9]{1,6})ms"),
        lambda ms: Behaviour(delay_seconds=min(ms, LONGEST_DELAY_MS) / 1000),
    ),
    (re.compile(r"status-([45][0-9]{2})"), lambda status: Behaviour(status=status)),
    (re.compile(r"cut-after-([0-9]{1,6})"), lambda pieces: Behaviour(cut_after=pieces)),
    (re.compile(r"stall-after-([0-9]{1,6})"), lambda pieces: Behaviour(stall_after=pieces)),
    (re.compile(r"bad-json"), lambda _: Behaviour(broken_json=True)),
    (re.compile(r"long-([0-9]{1,6})"), lambda n: Behaviour(tokens=min(n, MOST_TOKENS))),
    (re.compile(r"tools"), lambda _: Behaviour(calls_tools=True)),
    (re.compile(r"reasoning"), lambda _: Behaviour(thinks=True)),
    (re.compile(r"flagged"), lambda _: Behaviour(flags=True)),
)


def behaviour_of(model: str) -> Behaviour:
    """Any other name means an echo, so that the mock provider can replace every model."""
    return ECHO if len(model) > LONGEST_NAME else _remembered(model)


@lru_cache(maxsize=256)
def _remembered(model: str) -> Behaviour:
    for pattern, make in _NAMES:
        found = pattern.fullmatch(model)
        if found:
            return make(int(found[1]) if pattern.groups else 0)
    return ECHO
