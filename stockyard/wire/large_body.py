"""A request body kept in a file, used like bytes but never loaded as a whole.

It can be measured, searched and sliced (which copies the slice). Replacing a text in it gives
another body over the same file, so that changing the model's name in a recording takes no more
memory than the name.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple, cast

WINDOW = 1024 * 1024
"""Bytes searched at a time."""
_SHOWN = 1024
"""More than anything that a body is asked to start with."""


class Edit(NamedTuple):
    """A replacement of some bytes of a body."""

    start: int
    end: int
    instead: bytes


class LargeBody:
    __slots__ = ("_ends", "views")

    def __init__(self, views: Iterable[memoryview]) -> None:
        self.views = tuple(view for view in views if len(view))
        """Its bytes, one piece after the other."""
        self._ends = tuple(accumulate(map(len, self.views)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, wanted: slice) -> bytes:
        start, end, _ = wanted.indices(len(self))
        return b"".join(self.between(start, end))

    def between(self, start: int, end: int) -> Iterator[memoryview]:
        """The pieces of a range, which are not copied."""
        begin = 0
        for view, stop in zip(self.views, self._ends, strict=True):
            if start < stop and begin < end:
                yield view[max(start - begin, 0) : end - begin]
            begin = stop

    def find(self, wanted: bytes, start: int = 0, end: int | None = None) -> int:
        end = len(self) if end is None else min(end, len(self))
        overlap = len(wanted) - 1
        while start + overlap < end:
            found = self[start : min(start + WINDOW + overlap, end)].find(wanted)
            if found >= 0:
                return start + found
            start += WINDOW
        return -1

    def rfind(self, wanted: bytes) -> int:
        overlap = len(wanted) - 1
        end = len(self)
        while end > overlap:
            start = max(end - overlap - WINDOW, 0)
            found = self[start:end].rfind(wanted)
            if found >= 0:
                return start + found
            end = start + overlap
        return -1

    def startswith(self, prefix: bytes | tuple[bytes, ...], start: int = 0) -> bool:
        return self[start : start + _SHOWN].startswith(prefix)


def views_of(body: bytes) -> tuple[memoryview, ...]:
    """The bytes of any body, piece by piece, none of them copied."""
    large: object = body
    return large.views if isinstance(large, LargeBody) else (memoryview(body),)


def buffer_of(body: bytes) -> bytes | memoryview:
    """All of a body as one buffer, for those who read it whole: a copy only of an edited one."""
    large: object = body
    if not isinstance(large, LargeBody):
        return body
    return large.views[0] if len(large.views) == 1 else large[:]


def has_any(body: bytes, marks: Iterable[bytes]) -> bool:
    """Whether a body contains one of these words."""
    for mark in marks:  # noqa: SIM110  each call does this, and a generator costs more
        # Backwards, for CPython takes three times as long to search a long body forwards.
        if body.rfind(mark) >= 0:
            return True
    return False


def edited(body: bytes, *edits: Edit) -> bytes:
    """The body with these edits, which stand in the order of their places."""
    large: object = body
    if not isinstance(large, LargeBody):
        return b"".join(_pieces(memoryview(body), edits))
    pieces: list[memoryview] = []
    at = 0
    for start, end, instead in edits:
        pieces += (*large.between(at, start), memoryview(instead))
        at = end
    return cast(bytes, LargeBody((*pieces, *large.between(at, len(large)))))  # see there


def _pieces(body: memoryview, edits: Iterable[Edit]) -> Iterator[bytes | memoryview]:
    at = 0
    for start, end, instead in edits:
        yield body[at:start]
        yield instead
        at = end
    yield body[at:]
