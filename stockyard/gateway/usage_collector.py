"""Collects the usage of batches and background answers whose results nobody reads.

A provider reports such usage together with the results, so work that nobody comes back for would
never be counted. A day after it began the gateway reads its results itself, as a call of the team
that created it, and again each day until they are there (`wire.md` 11).
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from stockyard.core.caller import Caller
from stockyard.core.ports import Owed, Unreported
from stockyard.gateway.contract import Opening

EVERY_SECONDS = 600.0
DEADLINE_SECONDS = 1200.0
"""For one run."""
ASK_SECONDS = 60.0
"""For one answer of a provider."""
MOST_PER_RUN = 20
MOST_PAGES = 100
"""Of results that are listed page by page."""
MOST_TOKEN = 1024
"""Characters of what stands for a page."""
KEPT_BYTES = 4 * 1024 * 1024
"""How much of an answer is kept, to see where the results are."""
APP = "stockyard"
"""The client program of these calls in traces."""

Open = Callable[[Caller, str], Opening | None]
"""(caller, native path) -> the way of a GET; None for a path that does not exist."""


class Hearing:
    """A Reply that nobody reads: it keeps the beginning of an answer and tells when it is over."""

    def __init__(self) -> None:
        self.status = 0
        """0 until an answer has come completely."""
        self.over = asyncio.Event()
        self._head = 0
        self._body = bytearray()

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self.begin(status, fields, body)
        self.finish()

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._head = status
        self.push(first)

    def push(self, data: bytes) -> None:
        if len(self._body) <= KEPT_BYTES:
            self._body += data

    def finish(self, last: bytes = b"") -> None:
        self.push(last)
        self.status = self._head
        self.over.set()

    def cut(self) -> None:
        self.over.set()

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object that was heard; empty for anything else."""
        try:
            return msgspec.json.decode(bytes(self._body), type=dict[str, Any])
        except (ValueError, RecursionError):
            return {}

    @property
    def fails(self) -> bool:
        """Whether the provider cannot answer now."""
        status = self.status
        return not status or status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500


class UsageCollector:
    def __init__(self, open_: Open, owed: Owed) -> None:
        self._open = open_
        self._owed = owed

    async def run(self) -> None:
        """Read what is due. A provider that fails is asked again a day later, for all it owes."""
        failing: set[str] = set()
        for one in await self._owed.unreported(MOST_PER_RUN):
            provider = one.place.split("/")[1]
            if provider not in failing and not await self._collect(one):
                failing.add(provider)
            await self._owed.looked(one.team_id, one.id)

    async def _collect(self, one: Unreported) -> bool:
        """Whether the provider answered. What its answers report is counted as they pass."""
        caller = Caller(key_id="", team_id=one.team_id, app=APP)
        heard = await self._ask(caller, one.place)
        answer = heard.answer
        if answer.get("results_url"):
            heard = await self._ask(caller, f"{one.place}/results")
        elif isinstance(answer.get("state"), dict):
            heard = await self._pages(caller, f"{one.place}/results")
        return not heard.fails

    async def _pages(self, caller: Caller, path: str) -> Hearing:
        heard = await self._ask(caller, path)
        for _ in range(MOST_PAGES - 1):
            token = heard.answer.get("pagination_token")
            if not isinstance(token, str) or not 0 < len(token) <= MOST_TOKEN:
                break
            heard = await self._ask(caller, f"{path}?pagination_token={quote(token, safe='')}")
        return heard

    async def _ask(self, caller: Caller, path: str) -> Hearing:
        hearing = Hearing()
        opening = self._open(caller, path)
        if opening is None:
            hearing.whole(HTTPStatus.NOT_FOUND, b"", b"")
            return hearing
        running = opening.start(hearing, b"")
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await hearing.over.wait()
        except TimeoutError:
            pass  # `status` says that no answer has come
        finally:
            if running is not None and not hearing.over.is_set():
                running.shutdown()
        return hearing
