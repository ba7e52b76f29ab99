"""Finished calls for the live feed, read from the table of Traces."""

from typing import Any

import msgspec

from stockyard.api.feed import FeedEvent
from stockyard.api.identity import Identity
from stockyard.apps.lookout import store
from stockyard.apps.lookout.filters import conditions_of
from stockyard.apps.lookout.views import view
from stockyard.storage.database import Database


class TraceFeed:
    """Each Trace as lists show it, at the position at which it was written."""

    topic = "exchange"

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self, filter_: str) -> None:
        conditions_of(filter_)

    def last(self) -> int:
        return store.last(self._database)

    async def after(self, position: int, most: int, filter_: str, who: Identity) -> list[FeedEvent]:
        filters = conditions_of(filter_)
        found = await store.following(
            self._database, most, filters, after=position, **visible_to(who)
        )
        return [FeedEvent(trace.seq, msgspec.json.encode(view(trace))) for trace in found]

    async def count(self, after: int, up_to: int, filter_: str, who: Identity) -> int:
        filters = conditions_of(filter_)
        return await store.count(
            self._database, filters, after=after, up_to=up_to, **visible_to(who)
        )


def visible_to(who: Identity) -> dict[str, Any]:
    """Restrict a Key to its own calls."""
    return {"key_id": who.key_id or None}
