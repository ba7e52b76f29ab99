"""The live feed: events as server-sent events, to those who may see them (`api.md` 1.8).

Nothing is buffered per listener. A feed is read from storage, so a listener that was cut off
resumes (`Last-Event-ID`), and a slow one costs no memory. A listener that falls behind by more than
`REMEMBERED` is told how many events it missed; more than `AT_ONCE` new ones in a tick are
summarised.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import msgspec

from stockyard.api.identity import Identity
from stockyard.errors import Refused

TICK = 0.25
"""Seconds between two reads of the feed."""
AT_ONCE = 25
"""Events in a tick: a hundred in a second."""
PAGE = 200
"""Events that a listener who catches up is sent at once."""
REMEMBERED = 10_000
HEARTBEAT = 15.0
MAX_LISTENERS = 50
"""For one identity."""
MAX_IN_ALL = 500


class FeedEvent(NamedTuple):
    """One event: its position in the feed, and its JSON."""

    position: int
    data: bytes


class Feed(Protocol):
    """A source of events at increasing positions."""

    topic: str

    def check(self, filter_: str) -> None:
        """Raises Refused (400) for a filter that means nothing here."""

    def last(self) -> int:
        """The position of the newest."""

    async def after(self, position: int, most: int, filter_: str, who: Identity) -> list[FeedEvent]:
        """The oldest of those after a position that pass the filter and may be seen."""

    async def count(self, after: int, up_to: int, filter_: str, who: Identity) -> int:
        """How many of those there are up to another position."""


class Listeners:
    """How many listen, for each identity. Beyond the bound a further one is refused (429)."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self.stopping = stopping
        self._of: Counter[str] = Counter()

    def check(self, name: str) -> None:
        if self._of[name] >= MAX_LISTENERS or self._of.total() >= MAX_IN_ALL:
            raise Refused(
                429, "rate_limited", "Too many listen already: end one of them.", retry_after=10
            )

    @contextmanager
    def one_more(self, name: str) -> Iterator[None]:
        self._of[name] += 1
        try:
            yield
        finally:
            self._of[name] -= 1
            self._of += Counter()  # drops the names that have come to zero


class Listener(NamedTuple):
    who: Identity
    allowed: Callable[[], Awaitable[bool]]
    """Whether the credential still opens anything."""
    filter_: str
    last_id: int | None
    """The last event that it has seen, before it was cut off."""


async def event_stream(
    feed: Feed, listener: Listener, listeners: Listeners
) -> AsyncIterator[bytes]:
    """The events for one listener, framed, until either side disconnects."""
    with listeners.one_more(listener.who.name):
        at = feed.last() if listener.last_id is None else min(listener.last_id, feed.last())
        yield b": connected\n\n"
        try:
            oldest = feed.last() - REMEMBERED
            if at < oldest:
                # Only of what it may see: how many calls others make is not its business.
                lost = await feed.count(at, oldest, listener.filter_, listener.who)
                at = oldest
                yield framed("gap", {"lost": lost}, at)
            async for position, page in _catching_up(feed, listener, at):
                at = position
                yield page
        except Refused as busy:
            yield framed("end", {"reason": busy.message}, at)
            return
        async for piece in _following(feed, listener, at, listeners.stopping):
            yield piece


async def _catching_up(feed: Feed, listener: Listener, at: int) -> AsyncIterator[tuple[int, bytes]]:
    while page := await feed.after(at, PAGE, listener.filter_, listener.who):
        at = page[-1].position
        yield at, b"".join(_framed_all(feed.topic, page))


async def _following(
    feed: Feed, listener: Listener, at: int, stopping: Callable[[], bool]
) -> AsyncIterator[bytes]:
    quiet = 0.0
    while True:
        await asyncio.sleep(TICK)
        quiet += TICK
        newest = feed.last()
        if stopping() or ((newest > at or quiet >= HEARTBEAT) and not await listener.allowed()):
            yield framed("end", {"reason": "stopping" if stopping() else "no longer allowed"}, at)
            return
        piece = b""
        if newest > at:
            at, piece = await _news(feed, listener, at)
        if not piece and quiet >= HEARTBEAT:
            piece = b": still here\n\n"
        if piece:
            quiet = 0.0
            yield piece


async def _news(feed: Feed, listener: Listener, at: int) -> tuple[int, bytes]:
    """New events since a position, and the next position. Too many are summarised."""
    newest, more = feed.last(), 0
    try:
        page = await feed.after(at, AT_ONCE, listener.filter_, listener.who)
        reached = page[-1].position if page else at
        if len(page) == AT_ONCE and reached < newest:
            more = await feed.count(reached, newest, listener.filter_, listener.who)
    except Refused:
        return at, b""  # The database is busy: at the next look.
    reached = max(reached, newest)
    pieces = [*_framed_all(feed.topic, page)]
    if more:
        pieces.append(framed(f"{feed.topic}.summary", {"count": more}, reached))
    return reached, b"".join(pieces)


def _framed_all(topic: str, page: list[FeedEvent]) -> Iterator[bytes]:
    for position, data in page:
        yield b"id: %d\nevent: %b\ndata: %b\n\n" % (position, topic.encode(), data)


def framed(event: str, data: dict[str, Any], position: int) -> bytes:
    [frame] = _framed_all(event, [FeedEvent(position, msgspec.json.encode(data))])
    return frame
