"""Traces over the API: what was called, and why it went the way it did."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from litestar import Controller, MediaType, Response, get
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from stockyard.api.filters import MAX_CHARACTERS
from stockyard.api.identity import Identity
from stockyard.api.moments import moment
from stockyard.api.paging import Cursor, Cursors, Limit
from stockyard.api.parameters import Given, Name
from stockyard.api.permission import needs
from stockyard.apps.lookout import store
from stockyard.apps.lookout.filters import conditions_of, has_words
from stockyard.apps.lookout.models import AttemptRow, Status, Trace
from stockyard.apps.lookout.views import (
    Explanation,
    TraceDetail,
    TraceView,
    detail,
    explanation,
    view,
)
from stockyard.errors import Refused
from stockyard.storage.database import Database

Facts = Given[Database]
Who = Given[Identity]
Signer = Given[Cursors]
Searches = Given[Callable[[], bool]]
Id = FromPath[str]
Since = Annotated[str | None, QueryParameter(name="from", max_length=40)]
Until = Annotated[str | None, QueryParameter(name="to", max_length=40)]
Filter = Annotated[
    str | None,
    QueryParameter(
        name="filter",
        max_length=MAX_CHARACTERS,
        description="Such as `status:error model:gpt-4* -tag.app:web latency>2s cost>0.01`.",
    ),
]
WithTotal = Annotated[bool, QueryParameter(description="Also count them, exactly up to 10,000.")]

Fields = Annotated[
    str | None,
    QueryParameter(max_length=1_000, description="Only these, with commas: `id,status,cost_usd`."),
]
SUB_OBJECTS = ("attempts", "explain", "findings")
Include = Annotated[
    str | None, QueryParameter(max_length=200, description="Such as `attempts,explain,findings`.")
]
KEY_IDS = "key_"
"""How the ids of Keys begin."""

BodyPart = Literal["request", "response"]
PARTS: tuple[BodyPart, ...] = get_args(BodyPart)
Part = FromQuery[BodyPart]
UNTRUSTED = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
}
"""What was said may be a page that attacks whoever opens it."""

BODIES = "lookout.bodies"
"""The permission to know what was said."""
MAY_READ = needs("lookout.read", own_calls=True)


class TraceList(Struct, frozen=True, kw_only=True, omit_defaults=True):
    traces: list[TraceView]
    count: int
    next: str | None
    total: int | None = None
    total_is_estimate: bool | None = None


class TracesInPart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The same, with those fields of each Trace that were asked for."""

    traces: list[dict[str, Any]]
    count: int
    next: str | None
    total: int | None = None
    total_is_estimate: bool | None = None


class AttemptList(Struct, frozen=True, kw_only=True):
    attempts: tuple[AttemptRow, ...]
    count: int
    next: None = None


class TraceEndpoints(Controller):
    """Traces."""

    path = "/traces"
    tags = ["Lookout"]  # noqa: RUF012  the framework's own declaration

    @get("/", opt=MAY_READ)
    async def list_traces(
        self,
        database: Facts,
        identity: Who,
        cursors: Signer,
        searches: Searches,
        since: Since = None,
        until: Until = None,
        limit: Limit = 50,
        cursor: Cursor = None,
        model: Name = None,
        asked: Name = None,
        provider: Name = None,
        status: FromQuery[Status | None] = None,
        key: Name = None,
        team_id: Name = None,
        kind: Name = None,
        tag: Name = None,
        filter_: Filter = None,
        with_total: WithTotal = False,
        fields: Fields = None,
    ) -> TraceList | TracesInPart:
        """Calls, the one that ended last first. A Key sees its own. `key` is the id or the name."""
        shown = names_in(fields)
        key_name = key if key and not key.startswith(KEY_IDS) else None
        query: dict[str, Any] = {
            "model": model,
            "asked": asked,
            "provider": provider,
            "status": status,
            "key_id": identity.key_id or (key if key_name is None else None),
            "team_id": team_id,
            "kind": kind,
            "since": moment(since, "from"),
            "until": moment(until, "to"),
        }
        bound = {**query, "since": since, "until": until, "filter": filter_, "tag": tag}
        bound["key"] = key_name
        before = cursors.read(bound, cursor) if cursor else None
        if filter_ and has_words(filter_) and not identity.may(BODIES):
            raise Refused(403, "forbidden", f"Searching for words needs the permission {BODIES}.")
        filters = [*conditions_of(filter_ or "", searches=searches()), *tagged(tag)]
        filters += of_key(key_name)
        if filters:
            found = await store.filtered(database, limit + 1, filters, before=before, **query)
        else:
            found = store.newest(database, limit + 1, before=before, **query)
        page = found[:limit]
        more = len(found) > limit
        total = await store.count(database, filters, **query) if with_total else None
        answer = TraceList(
            traces=[view(trace) for trace in page],
            count=len(page),
            next=cursors.make(bound, page[-1].seq) if more else None,
            total=None if total is None else min(total, store.COUNTED),
            total_is_estimate=None if total is None else total > store.COUNTED,
        )
        return answer if shown is None else in_part(answer, shown)

    @get("/{trace_id:str}", opt=MAY_READ)
    async def read_trace(
        self, database: Facts, identity: Who, trace_id: Id, include: Include = None
    ) -> TraceDetail:
        """One call with its attempts, findings and the explain strip."""
        refuse_unknown_parts(include)
        trace = visible(database, identity, trace_id)
        return detail(trace, has_body=store.has_body(database, trace.id))

    @get("/{trace_id:str}/explain", opt=MAY_READ)
    async def explain(self, database: Facts, identity: Who, trace_id: Id) -> Explanation:
        """Why it went the way it did, module by module."""
        return explanation(visible(database, identity, trace_id))

    @get("/{trace_id:str}/attempts", opt=MAY_READ)
    async def attempts(self, database: Facts, identity: Who, trace_id: Id) -> AttemptList:
        """Each try at a provider."""
        attempts = visible(database, identity, trace_id).attempts
        return AttemptList(attempts=attempts, count=len(attempts))

    @get("/{trace_id:str}/body", opt=needs(BODIES), media_type=MediaType.TEXT)
    async def body(self, database: Facts, trace_id: Id, part: Part = "request") -> Response[str]:
        """What was said, as JSON: of the request, or of the answer. Cut ones say `cut`."""
        kept = store.body(database, trace_id)
        text = kept[PARTS.index(part)] if kept is not None else None
        if text is None:
            raise Refused(404, "body_not_captured", "Nothing that was said in this call is kept.")
        return Response(text, media_type=MediaType.TEXT, headers=UNTRUSTED)


def refuse_unknown_parts(include: str | None) -> None:
    """What there is comes along anyway; nothing else can be asked for."""
    for name in include.split(",") if include is not None else ():
        if name not in SUB_OBJECTS:
            told = f'A Trace has no "{name}". It has: {", ".join(SUB_OBJECTS)}.'
            raise Refused(400, "invalid", told, param="include")


def names_in(fields: str | None) -> tuple[str, ...] | None:
    """`a,b`, checked."""
    if fields is None:
        return None
    names = tuple(fields.split(","))
    for name in names:
        if name not in TraceView.__struct_fields__:
            raise Refused(400, "invalid", f'A Trace has no field "{name}".', param="fields")
    return names


def in_part(answer: TraceList, names: tuple[str, ...]) -> TracesInPart:
    return TracesInPart(
        traces=[{name: getattr(trace, name) for name in names} for trace in answer.traces],
        count=answer.count,
        next=answer.next,
        total=answer.total,
        total_is_estimate=answer.total_is_estimate,
    )


def of_key(name: str | None) -> list[store.Condition]:
    """The calls of Keys of this name."""
    return [store.Condition(store.PLACES["key"], (store.Test("=", name),))] if name else []


def tagged(tag: str | None) -> list[store.Condition]:
    """`name=value`, as the condition of a filter."""
    if tag is None:
        return []
    name, equals, value = tag.partition("=")
    if not name or not equals:
        raise Refused(400, "invalid", "A tag is written `name=value`.", param="tag")
    return [store.Condition(store.PLACES["tag"], (store.Test("=", value),), key=name)]


class LogEndpoints(TraceEndpoints):
    """The same under their older name."""

    path = "/logs"


def visible(database: Database, identity: Identity, trace_id: str) -> Trace:
    """The Trace, if there is one and it is this identity's to see. Both failures look the same."""
    trace = store.trace(database, trace_id)
    if trace is None or (identity.key_id and trace.key_id != identity.key_id):
        raise Refused(404, "not_found", "There is no such Trace. A new one takes 0.1 s to appear.")
    return trace
