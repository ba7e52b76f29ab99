"""Collect a list that is fetched page by page, and build the query for the next page.

Providers page their lists in two ways: a page begins after the id of the last thing before it, or
at a token from the previous page.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from stockyard.gateway.named import resource

PAGE = 100
"""The largest page that all providers allow."""
USUAL = 20
"""Page size if the caller gives none."""
_AFTER = ("after", "after_id")
"""Query parameters for the id after which a list begins, in both dialects."""
_TOKENS = {
    "nextPageToken": "pageToken",
    "next_page_token": "page_token",
    "pagination_token": "pagination_token",
}
"""Field with the token of the next page -> query parameter for it."""
_HELD = (
    "data",
    "batches",
    "datasets",
    "embed_jobs",
    "files",
    "cachedContents",
    "tunedModels",
    "fileSearchStores",
    "batchPredictionJobs",
    "tuningJobs",
    "operations",
)
"""Fields in which a page may hold its things. Other lists are dropped, because nobody knows whose
things they name."""
_IDS = ("id", "batch_id", "job_id", "name")


class Gathered:
    """One list: the team's things in the pages so far, and the query for the next page."""

    def __init__(
        self, query: str, *, cursor: str, usual: int = USUAL, verbatim: bool = False
    ) -> None:
        """`cursor`: the query parameter for the id after which a page begins. `verbatim`: forward
        the query as it is."""
        said = [part.partition("=") for part in query.split("&") if part]
        self._fields = {name: value for name, _, value in said}
        limit = self._fields.get("limit", "")
        self._wanted = max(1, int(limit)) if limit.isdecimal() and len(limit) < 6 else usual
        if not verbatim and (limit or usual <= PAGE):
            self._fields["limit"] = str(max(PAGE, self._wanted if limit else 0))
        self._cursor = cursor
        self._backwards = "before_id" in self._fields or "before" in self._fields
        self._places = _HELD if verbatim else ("data",)
        self._found: list[dict[str, Any]] = []
        self._held = "data"
        """The field in which the last page had its things."""
        self._token = ""
        """The field in which it had the token of the next page; empty for none."""

    @property
    def query(self) -> str:
        return "&".join(f"{name}={value}" for name, value in self._fields.items())

    @property
    def enough(self) -> bool:
        """Whether the caller's page is full. Pages by token are not cut, because the next token
        belongs to the end of the last one."""
        return len(self._found) >= (1 if self._token else self._wanted)

    @property
    def too_much(self) -> bool:
        return len(self._found) > self._wanted

    def list_in(self, body: bytes) -> dict[str, Any]:
        """The decoded page of a provider, without other lists than that of its things."""
        try:
            page = msgspec.json.decode(body)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict):
            return {"object": "list"}
        held = next((name for name in self._places if isinstance(page.get(name), list)), "")
        return {
            name: value
            for name, value in page.items()
            if name == held or not isinstance(value, list)
        }

    def take(self, page: dict[str, Any], has: Callable[[str], bool]) -> bool:
        """Take the things out of a page, keep the team's, and set the query for the next page.
        Returns whether there is one."""
        self._held = next((name for name in self._places if name in page), "data")
        things = [thing for thing in page.pop(self._held, ()) if isinstance(thing, dict)]
        self._found += [thing for thing in things if has(_id_of(thing))]
        self._token = next((name for name in _TOKENS if page.get(name)), "")
        if self._token:
            self._cursor = _TOKENS[self._token]
            self._fields[self._cursor] = quote(str(page[self._token]), safe="")
            return True
        last = things[-1].get("id") if things else None
        if page.get("has_more") is not True or self._backwards or not isinstance(last, str):
            return False
        self._fields[self._cursor] = quote(last, safe="")
        return True

    def start_over(self) -> None:
        """Set the query for the first page of another provider."""
        self._fields.pop(self._cursor, None)

    def written(self, page: dict[str, Any], *, more: bool) -> bytes:
        if self._token or self._held != "data":
            return msgspec.json.encode(page | {self._held: self._found})
        found = self._found[: self._wanted]
        written = page | {
            "data": found,
            "has_more": more,
            "first_id": found[0]["id"] if found else None,
            "last_id": found[-1]["id"] if found else None,
        }
        if "total" in page:
            written["total"] = len(found)
        return msgspec.json.encode(written)


def cursor_in(query: str) -> str:
    """The id after which a list is to begin; empty for its beginning."""
    said = (part.partition("=") for part in query.split("&"))
    return next((unquote(value) for name, _, value in said if name in _AFTER), "")


def _id_of(thing: dict[str, Any]) -> str:
    said = next((thing[name] for name in _IDS if name in thing), "")
    return resource(str(said)) or str(said)
