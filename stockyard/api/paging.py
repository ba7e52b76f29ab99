"""Pages of a list: how many, from where, and a cursor that belongs to one list only."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
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
    """Makes cursors and reads them back. One that was changed or comes from another list is 400.

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
