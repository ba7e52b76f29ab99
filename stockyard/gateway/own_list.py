"""List a team's things at providers, by filtering lists of the whole account.

A provider lists everything in its account, page by page, and few of it may belong to the team. So
pages are fetched one after another, and filtered, until there are as many things as the caller
wants. If several providers have such things, they are asked in turn; one that fails is named in the
answer, beside what the others have.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from stockyard.gateway.contract import Reply, Running
from stockyard.gateway.egress import JSON_HEAD
from stockyard.gateway.gathered import Gathered
from stockyard.gateway.whole_reply import WholeReply

MOST_PAGES = 20
"""The most pages that are fetched for one list. If there are more, the answer says `has_more`."""
BROKEN = b"""{"error":{"message":"The provider's answer broke off before its end.",\
"type":"server_error","code":"stream_interrupted","param":null}}"""


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
    """A Running that fetches pages, and the Reply that each of them is written to."""

    def __init__(
        self,
        reply: Reply,
        gathered: Gathered,
        page: Callable[[int, str, Reply], Page],
        places: Iterable[int],
    ) -> None:
        """`page` gives the request to one of the `places`, with a query and a Reply."""
        self._reply = reply
        self._gathered = gathered
        self._page = page
        self._places = list(places)
        self._listed: _Answer | None = None
        """The last page that was fetched; its body is that page without its things."""
        self._failed: _Answer | None = None
        """The answer of the first provider that failed."""
        self._missing: list[dict[str, Any]] = []
        self._provider = ""
        self._more = False
        """Whether the current provider has more pages."""
        self._pages = 0
        self._running: Running | None = None
        self._has: Callable[[str], bool] = lambda thing: False

    def ask(self) -> Running | None:
        """Ask for the first page. None if the whole list was answered at once."""
        self._ask()
        return self if self._running is not None else None

    def _ask(self) -> None:
        self._pages += 1
        reply = WholeReply(self, lambda status, body: body)
        page = self._page(self._places[0], self._gathered.query, reply)
        self._has, self._provider = page.has, page.provider
        self._running = None
        pages = self._pages
        running = page.ask()
        if self._pages == pages:  # otherwise it was answered at once, and another page requested
            self._running = running

    # The Reply that a page is written to.

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._running = None
        if status >= 300:
            self._fail(_Answer(status, fields, body))
            return
        page = self._gathered.list_in(body)
        more = self._more = self._gathered.take(page, self._has)
        self._listed = _Answer(status, fields, msgspec.json.encode(page))
        enough = self._gathered.enough
        if more and not enough and self._pages < MOST_PAGES:
            self._ask()
        elif more or enough or not self._go_on():
            more = more or len(self._places) > 1 or self._gathered.too_much
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
        self._gathered.start_over()
        self._ask()
        return True

    def _fail(self, failed: _Answer) -> None:
        """The current provider failed."""
        self._failed = self._failed or failed
        missing = {"provider": self._provider, "status": failed.status}
        self._missing.append(missing | _message_in(failed.body))
        if self._go_on():
            return
        if self._listed is None:
            self._reply.whole(*self._failed)
        else:
            self._answer(self._listed, more=self._more)

    def _answer(self, listed: _Answer, *, more: bool) -> None:
        page = msgspec.json.decode(listed.body)
        if self._missing:
            page["stockyard"] = {"missing": self._missing}
        self._reply.whole(listed.status, listed.fields, self._gathered.written(page, more=more))

    # The Running that the client's lane sees.

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


def _message_in(body: bytes) -> dict[str, str]:
    """The message in the body of an error."""
    try:
        said = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return {}
    error = said.get("error") if isinstance(said, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return {"message": message} if isinstance(message, str) else {}
