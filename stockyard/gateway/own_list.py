"""The list of what a team has at providers, out of lists of what everybody has there.

A provider lists the things of one account, page by page, and the team's may be few among them. So
its pages are asked for, one after the other, until there are as many as the caller wants, and what
is not the team's is left out. Where several providers have such things, one follows the other, and
one that fails is told beside what the others have.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from stockyard.gateway.contract import Reply, Running
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.named import resource
from stockyard.gateway.whole_reply import WholeReply

MOST_PAGES = 20
"""That one list may cost at providers. What comes after them is told as `has_more`."""
PAGE = 100
"""As much as all of them give at once."""
USUAL = 20
"""What a list holds when the caller does not say."""
BROKEN = b"""{"error":{"message":"The provider's answer broke off before its end.",\
"type":"server_error","code":"stream_interrupted","param":null}}"""
_AFTER = ("after", "after_id")
"""How callers name the last thing that they have, in both dialects."""
_TOKENS = {
    "nextPageToken": "pageToken",
    "next_page_token": "page_token",
    "pagination_token": "pagination_token",
}
"""Where a page says how the next one is called, and the parameter that asks for it."""
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
"""Where a page has its things. Of other lists in it nobody knows whose things they hold."""
_IDS = ("id", "batch_id", "job_id", "name")


class Page(NamedTuple):
    """One page at one provider."""

    ask: Callable[[], Running | None]
    has: Callable[[str], bool]
    """Whether the team has the thing of this id there."""
    provider: str


class _Answer(NamedTuple):
    status: int
    fields: bytes
    body: bytes


class OwnList:
    """A Running that asks for pages, and the Reply that each of them is written to."""

    def __init__(
        self,
        reply: Reply,
        query: str,
        page: Callable[[int, str, Reply], Page],
        places: Iterable[int],
        *,
        cursor: str,
        usual: int = USUAL,
        verbatim: bool = False,
    ) -> None:
        """`page` asks the provider at this place with this query. `cursor` is the name of the
        parameter that says where a page begins. `verbatim`: the query is sent as it is."""
        self._reply = reply
        self._page = page
        self._places = list(places)
        self._cursor = cursor
        said = [part.partition("=") for part in query.split("&") if part]
        self._fields = {name: value for name, _, value in said}
        limit = self._fields.get("limit", "")
        self._wanted = max(1, int(limit)) if limit.isdecimal() and len(limit) < 6 else usual
        if not verbatim and (limit or usual <= PAGE):
            self._fields["limit"] = str(max(PAGE, self._wanted if limit else 0))
        self._backwards = "before_id" in self._fields or "before" in self._fields
        self._found: list[dict[str, Any]] = []
        self._places_of_things = _HELD if verbatim else ("data",)
        self._held = "data"
        """Where the page that came last has its things."""
        self._token = ""
        """Where it says how the next one is called."""
        self._listed: _Answer | None = None
        """The last page that could be had; its body is what it tells besides its things."""
        self._failed: _Answer | None = None
        """What the first provider said that failed."""
        self._missing: list[dict[str, Any]] = []
        self._provider = ""
        self._more = False
        """Whether the provider that is asked has more than it told so far."""
        self._pages = 0
        self._running: Running | None = None
        self._has: Callable[[str], bool] = lambda thing: False

    def ask(self) -> Running | None:
        """Ask for the first page. None when all is answered already."""
        self._ask()
        return self if self._running is not None else None

    def _ask(self) -> None:
        self._pages += 1
        query = "&".join(f"{name}={value}" for name, value in self._fields.items())
        page = self._page(self._places[0], query, WholeReply(self, lambda status, body: body))
        self._has, self._provider = page.has, page.provider
        self._running = None
        pages = self._pages
        running = page.ask()
        if self._pages == pages:  # else it was answered at once, and the next page asked for
            self._running = running

    # What a page is written to.

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._running = None
        if status >= 300:
            self._fail(_Answer(status, fields, body))
            return
        told = _list_in(body, self._places_of_things)
        more = self._more = self._take(told)
        self._listed = _Answer(status, fields, msgspec.json.encode(told))
        # Pages that are asked for by tokens begin where others ended, so no page is cut.
        enough = len(self._found) >= (1 if self._token else self._wanted)
        if more and not enough and self._pages < MOST_PAGES:
            self._ask()
        elif more or enough or not self._go_on():
            more = more or len(self._places) > 1 or len(self._found) > self._wanted
            self._answer(self._listed, more=more)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        """A page broke off: `cut` follows."""

    def push(self, data: bytes) -> None: ...
    def finish(self, last: bytes = b"") -> None: ...
    def cut(self) -> None:
        self._running = None
        self._fail(_Answer(502, JSON_HEAD, BROKEN))

    def _go_on(self) -> bool:
        """Ask the next provider, if there is one."""
        if len(self._places) == 1:
            return False
        del self._places[0]
        self._more = False
        self._fields.pop(self._cursor, None)
        self._ask()
        return True

    def _fail(self, failed: _Answer) -> None:
        """This provider cannot be asked, or not for more."""
        self._failed = self._failed or failed
        told = {"provider": self._provider, "status": failed.status}
        self._missing.append(told | _message_in(failed.body))
        if self._go_on():
            return
        if self._listed is None:
            self._reply.whole(*self._failed)
        else:
            self._answer(self._listed, more=self._more)

    def _answer(self, listed: _Answer, *, more: bool) -> None:
        told = msgspec.json.decode(listed.body)
        if self._missing:
            told["stockyard"] = {"missing": self._missing}
        written = self._written(told, more=more)
        self._reply.whole(listed.status, listed.fields, written)

    # What happens to the client meanwhile.

    def gone(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.gone()

    def pause(self) -> None:
        """Nothing is written before everything has come."""

    def resume(self) -> None:
        """Nothing was paused."""

    def shutdown(self) -> None:
        if self._running is not None:
            self._running.shutdown()

    # What a page says.

    def _take(self, told: dict[str, Any]) -> bool:
        """Keep what is the team's, and go on behind the last. Whether there is more."""
        self._held = next((name for name in self._places_of_things if name in told), "data")
        things = [thing for thing in told.pop(self._held, ()) if isinstance(thing, dict)]
        self._found += [thing for thing in things if self._has(_id_of(thing))]
        self._token = next((name for name in _TOKENS if told.get(name)), "")
        if self._token:
            self._cursor = _TOKENS[self._token]
            self._fields[self._cursor] = quote(str(told[self._token]), safe="")
            return True
        last = things[-1].get("id") if things else None
        if told.get("has_more") is not True or self._backwards or not isinstance(last, str):
            return False
        self._fields[self._cursor] = quote(last, safe="")
        return True

    def _written(self, told: dict[str, Any], *, more: bool) -> bytes:
        if self._token or self._held != "data":
            return msgspec.json.encode(told | {self._held: self._found})
        found = self._found[: self._wanted]
        written = told | {
            "data": found,
            "has_more": more,
            "first_id": found[0]["id"] if found else None,
            "last_id": found[-1]["id"] if found else None,
        }
        if "total" in told:
            written["total"] = len(found)
        return msgspec.json.encode(written)


def _id_of(thing: dict[str, Any]) -> str:
    said = next((thing[name] for name in _IDS if name in thing), "")
    return resource(str(said)) or str(said)


def _message_in(body: bytes) -> dict[str, str]:
    """What an error says of itself."""
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    error = said.get("error") if isinstance(said, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return {"message": message} if isinstance(message, str) else {}


def cursor_in(query: str) -> str:
    """The id behind which a list is to begin; empty for its beginning."""
    said = (part.partition("=") for part in query.split("&"))
    return next((unquote(value) for name, _, value in said if name in _AFTER), "")


def _list_in(body: bytes, places: Sequence[str]) -> dict[str, Any]:
    """A list as a provider tells it, with no other list than the first at one of these places."""
    try:
        told = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return {"object": "list"}
    held = next((name for name in places if isinstance(told.get(name), list)), "")
    return {
        name: value for name, value in told.items() if name == held or not isinstance(value, list)
    }
