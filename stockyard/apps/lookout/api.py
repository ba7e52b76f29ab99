"""The endpoints for traces: which calls there were, and what happened to each."""

from typing import Annotated, Any, Literal, get_args

from litestar import Controller, MediaType, Response, get
from litestar.di import Provide
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from stockyard.api.identity import Identity
from stockyard.api.paging import Cursor, Cursors, Limit
from stockyard.api.parameters import Given
from stockyard.api.permission import needs
from stockyard.apps.lookout import store
from stockyard.apps.lookout.models import AttemptRow, Trace
from stockyard.apps.lookout.selection import BODIES, Selection, Who, selection_of
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
Signer = Given[Cursors]
Id = FromPath[str]
WithTotal = Annotated[bool, QueryParameter(description="Also count them, exactly up to 10,000.")]

Fields = Annotated[
    str | None,
    QueryParameter(max_length=1_000, description="Only these, with commas: `id,status,cost_usd`."),
]
SUB_OBJECTS = ("attempts", "explain", "findings")
Include = Annotated[
    str | None, QueryParameter(max_length=200, description="Such as `attempts,explain,findings`.")
]
BodyPart = Literal["request", "response"]
PARTS: tuple[BodyPart, ...] = get_args(BodyPart)
Part = FromQuery[BodyPart]
UNTRUSTED = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox; default-src 'none'",
}
"""A stored body may be a web page that attacks whoever opens it."""

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
    dependencies = {"selection": Provide(selection_of, sync_to_thread=False)}  # noqa: RUF012  as above

    @get("/", opt=MAY_READ)
    async def list_traces(
        self,
        database: Facts,
        cursors: Signer,
        selection: Given[Selection],
        limit: Limit = 50,
        cursor: Cursor = None,
        with_total: WithTotal = False,
        fields: Fields = None,
    ) -> TraceList | TracesInPart:
        """Calls. The one that ended last comes first. A Key sees its own calls only.

        Any other order (`sort`) is slow where there are many calls.
        """
        shown = names_in(fields)
        before = cursors.read(selection.as_written, cursor) if cursor else None
        found = await selection.page(database, limit + 1, before)
        page, more = found[:limit], len(found) > limit
        total = await selection.count(database) if with_total else None
        answer = TraceList(
            traces=[view(trace) for trace in page],
            count=len(page),
            next=cursors.make(selection.as_written, page[-1].seq) if more else None,
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
        """What happened to the call, module by module."""
        return explanation(visible(database, identity, trace_id))

    @get("/{trace_id:str}/attempts", opt=MAY_READ)
    async def attempts(self, database: Facts, identity: Who, trace_id: Id) -> AttemptList:
        """Each try at a provider."""
        attempts = visible(database, identity, trace_id).attempts
        return AttemptList(attempts=attempts, count=len(attempts))

    @get("/{trace_id:str}/body", opt=needs(BODIES), media_type=MediaType.TEXT)
    async def body(self, database: Facts, trace_id: Id, part: Part = "request") -> Response[str]:
        """The stored request or answer as JSON. Truncated ones have `cut`."""
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


class LogEndpoints(TraceEndpoints):
    """The same under their older name."""

    path = "/logs"


def visible(database: Database, identity: Identity, trace_id: str) -> Trace:
    """The Trace, if there is one and it is this identity's to see. Both failures look the same."""
    trace = store.trace(database, trace_id)
    if trace is None or (identity.key_id and trace.key_id != identity.key_id):
        raise Refused(404, "not_found", "There is no such Trace. A new one takes 0.1 s to appear.")
    return trace
