"""Which Traces a list shows: its query parameters, parsed and validated."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from stockyard.api.filters import MAX_CHARACTERS
from stockyard.api.identity import Identity
from stockyard.api.moments import moment
from stockyard.api.parameters import Given, Name
from stockyard.apps.lookout import store
from stockyard.apps.lookout.filters import conditions_of, has_words
from stockyard.apps.lookout.models import Status, Trace
from stockyard.errors import Refused
from stockyard.storage.database import Database

Who = Given[Identity]
Searches = Given[Callable[[], bool]]
Since = Annotated[
    str | None,
    QueryParameter(
        name="from",
        max_length=40,
        description="Not before: milliseconds, ISO 8601, or relative such as `-24h`.",
    ),
]
Until = Annotated[
    str | None, QueryParameter(name="to", max_length=40, description="Before: a time like `from`.")
]
NamedModel = Annotated[
    str | None, QueryParameter(max_length=300, description="The model that the caller named.")
]
ServedModel = Annotated[
    str | None, QueryParameter(max_length=300, description="The model that was called.")
]
KeyOrName = Annotated[
    str | None, QueryParameter(max_length=300, description="The id of a Key, or its name.")
]
Tag = Annotated[str | None, QueryParameter(max_length=300, description="`name=value`.")]
Filter = Annotated[
    str | None,
    QueryParameter(
        name="filter",
        max_length=MAX_CHARACTERS,
        description="Such as `status:error model:gpt-4* -tag.app:web latency>2s cost>0.01`.",
    ),
]
Sort = Annotated[
    Literal["at", "-at", "latency", "-latency", "cost", "-cost", "tokens", "-tokens"] | None,
    QueryParameter(description="By what, and with `-` the other way round."),
]
KEY_IDS = "key_"
"""How the ids of Keys begin."""

BODIES = "lookout.bodies"
"""The permission to know what was said."""


class Selection(Struct, frozen=True, kw_only=True):
    """The calls that meet all conditions and filters."""

    conditions: Mapping[str, str | int | None]
    filters: Sequence[store.Condition]
    as_written: Mapping[str, Any]
    """A cursor is good for the same list only."""
    sort: str = ""
    """Empty: the call that ended last comes first."""

    async def page(self, database: Database, limit: int, before: int | None) -> list[Trace]:
        """At most `limit` of them, those after the one with the number `before`."""
        if self.sort:
            return await store.sorted_by(
                database,
                self.sort.removeprefix("-"),
                limit,
                self.filters,
                descending=self.sort.startswith("-"),
                last=before,
                **self.conditions,
            )
        if self.filters:
            return await store.filtered(
                database, limit, self.filters, before=before, **self.conditions
            )
        return store.newest(database, limit, before=before, **self.conditions)

    async def count(self, database: Database) -> int:
        return await store.count(database, self.filters, **self.conditions)


def selection_of(
    identity: Who,
    searches: Searches,
    since: Since = None,
    until: Until = None,
    model: ServedModel = None,
    asked: NamedModel = None,
    provider: Name = None,
    status: FromQuery[Status | None] = None,
    key: KeyOrName = None,
    team_id: Name = None,
    kind: Name = None,
    tag: Tag = None,
    filter_: Filter = None,
    sort: Sort = None,
) -> Selection:
    """Raises Refused: 400, and 403 for words without permission."""
    by_name = key if key and not key.startswith(KEY_IDS) else None
    conditions = {
        "model": model,
        "asked": asked,
        "provider": provider,
        "status": status,
        "key_id": identity.key_id or (key if by_name is None else None),
        "team_id": team_id,
        "kind": kind,
        "since": moment(since, "from"),
        "until": moment(until, "to"),
    }
    if filter_ and has_words(filter_) and not identity.may(BODIES):
        raise Refused(403, "forbidden", f"Searching for words needs the permission {BODIES}.")
    filters = conditions_of(filter_ or "", searches=searches())
    as_written = {"since": since, "until": until, "filter": filter_, "tag": tag, "key": by_name}
    as_written["sort"] = sort
    return Selection(
        conditions=conditions,
        filters=[*filters, *tagged(tag), *of_key(by_name)],
        as_written={**conditions, **as_written},
        sort=sort or "",
    )


def tagged(tag: str | None) -> list[store.Condition]:
    """`name=value`, as the condition of a filter."""
    if tag is None:
        return []
    name, equals, value = tag.partition("=")
    if not name or not equals:
        raise Refused(400, "invalid", "A tag is written `name=value`.", param="tag")
    return [store.Condition(store.PLACES["tag"], (store.Test("=", value),), key=name)]


def of_key(name: str | None) -> list[store.Condition]:
    """The calls of Keys of this name."""
    return [store.Condition(store.PLACES["key"], (store.Test("=", name),))] if name else []
