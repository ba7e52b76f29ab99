"""Paging: limits, and cursors that are valid for one list only."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest, nsmallest
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from litestar.params import QueryParameter

from stockyard.errors import Refused

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many, at most.")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=500, description="`next` of the page before.")
]
TAG = 16
T = TypeVar("T")


class Cursors:
    """Makes and verifies cursors. One that was changed or belongs to another list is 400.

    They are signed with a secret of this process, so a list that is being read when the process
    restarts is started again.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def make(self, query: Mapping[str, Any], position: int) -> str:
        payload = str(position).encode()
        return urlsafe_b64encode(self._tag(query, payload) + payload).decode().rstrip("=")

    def read(self, query: Mapping[str, Any], cursor: str) -> int:
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            raise invalid_cursor() from None
        tag, payload = raw[:TAG], raw[TAG:]
        if not hmac.compare_digest(tag, self._tag(query, payload)):
            raise invalid_cursor()
        return int(payload)

    def _tag(self, query: Mapping[str, Any], payload: bytes) -> bytes:
        bound = msgspec.json.encode([sorted(query.items()), payload.decode("latin-1")])
        return hmac.digest(self._secret, bound, "sha256")[:TAG]


def invalid_cursor() -> Refused:
    return Refused(400, "cursor_invalid", "Start the list again without a cursor.")


class Page(NamedTuple, Generic[T]):
    """A part of a list, and where the next one begins; None after the last."""

    items: Sequence[T]
    position: int | None


def page_of(newest_first: Sequence[T], limit: int, position: int | None) -> Page[T]:
    """A part of a list that only grows, at its front. Positions count from its end, so they stay
    right while it grows."""
    start = 0 if position is None else len(newest_first) - position
    end = start + limit
    rest = len(newest_first) - end
    return Page(newest_first[start:end], rest if rest > 0 else None)


def sorted_page(
    newest_first: Sequence[T],
    order: Callable[[T], Any],
    limit: int,
    position: int | None,
    *,
    descending: bool,
) -> Page[T]:
    """A part of a list that only grows, in another order; equals in that in which they came.

    The position is that of the last one shown, counted from the list's beginning. So the next page
    begins behind it, whatever was added meanwhile.
    """
    last = len(newest_first) - 1

    def rank(place: int) -> tuple[Any, int]:
        return order(newest_first[last - place]), place

    places: Sequence[int] = range(last + 1)
    if position is not None:
        shown = rank(position)
        places = [p for p in places if (rank(p) < shown if descending else rank(p) > shown)]
    pick = nlargest if descending else nsmallest
    part = pick(limit + 1, places, key=rank)
    items = [newest_first[last - place] for place in part[:limit]]
    return Page(items, part[limit - 1] if len(part) > limit else None)
