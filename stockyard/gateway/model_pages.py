"""One page of a list of models, for dialects with pages (`wire.md` 11).

A client that does not ask for a page gets everything at once: it might never fetch a second page.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl

from stockyard.errors import Refused

MOST = 1000
"""The largest page, whatever the client asks for."""

T = TypeVar("T")
Named = Callable[[T], str]
"""The name of an entry, by which a client says where its page begins."""


class PageWanted(NamedTuple):
    """Which page a client wants."""

    size: int | None = None
    after: str | None = None
    before: str | None = None


def by_ids(query: str) -> PageWanted:
    """As Anthropic's clients ask: `limit`, and the id before or after the page."""
    said = dict(parse_qsl(query))
    return PageWanted(_size(said, "limit"), said.get("after_id"), said.get("before_id"))


def by_token(query: str) -> PageWanted:
    """As clients of Gemini and Cohere ask. Our token is the name of the last entry they have."""
    said = dict(parse_qsl(query))
    size = "page_size" if "page_size" in said else "pageSize"
    return PageWanted(_size(said, size), said.get("pageToken") or said.get("page_token"))


def page_of(wanted: PageWanted, entries: Sequence[T], name: Named[T]) -> tuple[Sequence[T], bool]:
    """The page, and whether there is more after it. Raises Refused (400) for an unknown entry."""
    names = [name(entry) for entry in entries]
    size = len(entries) if wanted.size is None else wanted.size
    if wanted.after is None and wanted.before is not None:
        end = _place(names, wanted.before)
        start = max(end - size, 0)
        return entries[start:end], start > 0
    start = 0 if wanted.after is None else _place(names, wanted.after) + 1
    return entries[start : start + size], start + size < len(entries)


def _size(said: Mapping[str, str], field: str) -> int | None:
    """The page size that the client wants; None if it does not say."""
    value = said.get(field)
    if value is None or (field != "limit" and value == "0"):
        return None
    if not value.isascii() or not value.isdecimal() or not int(value[:9]) > 0:
        raise Refused(400, "invalid_request", f"'{field}' must be a number above 0.", param=field)
    return min(int(value[:9]), MOST)


def _place(names: Sequence[str], name: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise Refused(
            400, "invalid_request", "The page begins at a model that is not there."
        ) from None
