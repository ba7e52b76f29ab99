"""The only SQL about Traces."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from stockyard.apps.lookout.models import AttemptRow, FindingRow, StepRow, Trace
from stockyard.storage.database import Database, Row, Transaction

INSERT = """
insert into traces (
    id, received_at, key_id, team_id, kind, model_asked, model, provider, status, row
) select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, jsonb_extract(value, '$[9]')
from jsonb_each(jsonb(:rows))
"""
"""The rows of a batch, each an array in the order of `traces.row_of`.

As JSONB, because text would be parsed again for every column.
"""

INSERT_BODIES = """
insert or ignore into bodies (trace_id, kept_at, level, request, response)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from json_each(:rows);
insert into body_words (rowid, words)
select seq, value ->> 5 from json_each(:rows) join bodies on trace_id = value ->> 0
where value ->> 5 is not null
"""
"""The rows of a batch, each an array in the order of `bodies.row_of`."""

COLUMNS = (
    *("seq", "id", "received_at", "key_id", "team_id", "kind"),
    *("model_asked", "model", "provider", "status"),
)
"""Columns that are searched. Everything else is in `row`."""
SELECT = f"select {', '.join(COLUMNS)}, json(row) from traces "  # noqa: S608  names of ours only

CONDITIONS: Mapping[str, str] = {
    "before": "seq < :before",
    "after": "seq > :after",
    "up_to": "seq <= :up_to",
    "model": "model = :model",
    "asked": "model_asked = :asked",
    "provider": "provider = :provider",
    "status": "status = :status",
    "key_id": "key_id = :key_id",
    "team_id": "team_id = :team_id",
    "kind": "kind = :kind",
    "since": "received_at >= :since",
    "until": "received_at < :until",
}
"""What a list may be narrowed to. Text of ours only: values are always bound."""

COUNTED = 10_000
"""Counting stops here, so that it stays fast."""


class Test(NamedTuple):
    """One thing that a place may be. `begins`: a text that begins so."""

    operator: Literal["=", ">", ">=", "<", "<=", "begins"]
    value: str | int


class Condition(NamedTuple):
    """A place of a Trace is one of several things, or none of them."""

    place: str
    tests: tuple[Test, ...]
    key: str = ""
    """Of a table such as `tags`, which of it."""
    negated: bool = False


def newest(database: Database, limit: int, **conditions: str | int | None) -> list[Trace]:
    """Traces that meet all conditions. The call that ended last comes first."""
    where, given = _where(conditions)
    sql = f"{SELECT} {where} order by seq desc limit :limit"
    return [trace_of(row) for row in database.read(sql, {**given, "limit": limit})]


async def filtered(
    database: Database,
    limit: int,
    filters: Sequence[Condition],
    **conditions: str | int | None,
) -> list[Trace]:
    """The same, narrowed by any place. Refused (503) if it takes too long."""
    return await _narrowed(database, "seq desc", limit, filters, conditions)


async def following(
    database: Database,
    limit: int,
    filters: Sequence[Condition],
    **conditions: str | int | None,
) -> list[Trace]:
    """The same. The call that ended first comes first."""
    return await _narrowed(database, "seq", limit, filters, conditions)


async def sorted_by(
    database: Database,
    place: str,
    limit: int,
    filters: Sequence[Condition],
    *,
    descending: bool,
    last: int | None,
    **conditions: str | int | None,
) -> list[Trace]:
    """The same, sorted by a place, where no value counts as the smallest one.

    `last` is the `seq` after which to go on. Refused (503) if it takes too long.
    """
    value = f"coalesce(({PLACES[place]}), -1)"
    where, given = _where(conditions, filters)
    if last is not None:
        after = f"({value}, seq) {'<' if descending else '>'} "
        after += f"(select {value}, seq from traces where seq = :last)"  # noqa: S608  names of ours only
        where = f"{where} and {after}" if where else f"where {after}"
        given["last"] = last
    direction = "desc" if descending else "asc"
    sql = f"{SELECT} {where} order by {value} {direction}, seq {direction} limit :limit"
    rows = await database.read_slowly(sql, {**given, "limit": limit})
    return [trace_of(row) for row in rows]


async def _narrowed(
    database: Database,
    order: str,
    limit: int,
    filters: Sequence[Condition],
    conditions: Mapping[str, str | int | None],
) -> list[Trace]:
    where, given = _where(conditions, filters)
    sql = f"{SELECT} {where} order by {order} limit :limit"
    rows = await database.read_slowly(sql, {**given, "limit": limit})
    return [trace_of(row) for row in rows]


def last(database: Database) -> int:
    """The position of the newest Trace."""
    return int(database.read("select coalesce(max(seq), 0) from traces")[0][0])


async def count(
    database: Database, filters: Sequence[Condition], **conditions: str | int | None
) -> int:
    """How many meet them; `COUNTED + 1` if there are more than `COUNTED`."""
    where, given = _where(conditions, filters)
    sql = f"select count(*) from (select 1 from traces {where} limit :most)"  # noqa: S608  as above
    [(found,)] = await database.read_slowly(sql, {**given, "most": COUNTED + 1})
    return int(found)


def _where(
    conditions: Mapping[str, str | int | None], filters: Sequence[Condition] = ()
) -> tuple[str, dict[str, Any]]:
    given: dict[str, Any] = {n: value for n, value in conditions.items() if value is not None}
    parts = [CONDITIONS[name] for name in given]
    parts += [_part(condition, given) for condition in filters]
    return f"where {' and '.join(parts)}" if parts else "", given


def _part(condition: Condition, given: dict[str, Any]) -> str:
    """One condition as SQL; its values are added to what is given."""
    key = f"k{len(given)}"
    if condition.key:
        given[key] = condition.key
    source = condition.place.replace(":key", f":{key}")
    tests = []
    for operator, value in condition.tests:
        name = f"v{len(given)}"
        given[name] = value
        if operator == "begins":
            tests.append(f"substr(it, 1, length(:{name})) = :{name}")
        else:
            tests.append(f"it {operator} :{name}")
    no = "not " if condition.negated else ""
    return f"{no}exists (select 1 from ({source}) where {' or '.join(tests)})"  # noqa: S608  as above


def trace(database: Database, trace_id: str) -> Trace | None:
    """The Trace with this id."""
    rows = database.read(SELECT + "where id = :id", {"id": trace_id})
    return trace_of(rows[0]) if rows else None


def body(database: Database, trace_id: str) -> tuple[str | None, str | None] | None:
    """The request and the answer that are kept of a call; None when nothing is."""
    sql = "select request, response from bodies where trace_id = :id"
    rows = database.read(sql, {"id": trace_id})
    return (rows[0][0], rows[0][1]) if rows else None


def has_body(database: Database, trace_id: str) -> bool:
    return bool(database.read("select 1 from bodies where trace_id = :id", {"id": trace_id}))


def delete_bodies_older(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` bodies that are older; returns how many were deleted."""
    gone = transaction.execute(
        "delete from bodies where trace_id in "
        "(select trace_id from bodies where kept_at < :before order by kept_at limit :limit) "
        "returning trace_id",
        {"before": before, "limit": limit},
    )
    return len(gone)


def delete_older(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` Traces that are older; returns how many were deleted."""
    gone = transaction.execute(
        "delete from traces where seq in "
        "(select seq from traces where received_at < :before order by received_at limit :limit) "
        "returning seq",
        {"before": before, "limit": limit},
    )
    return len(gone)


def trace_of(row: Row) -> Trace:
    *columns, kept = row
    values: dict[str, Any] = dict(zip(COLUMNS, columns, strict=True))
    values |= zip(KEPT, msgspec.json.decode(kept), strict=True)
    for name, kind in PARTS.items():
        fields = kind.__struct_fields__
        values[name] = [dict(zip(fields, part, strict=False)) for part in values[name]]
    values["stream"] = bool(values["stream"])
    return msgspec.convert(values, Trace)


KEPT = tuple(name for name in Trace.__struct_fields__ if name not in COLUMNS)
"""What the array in `row` holds, in its order."""


def _kept(name: str) -> str:
    return f"row ->> '$[{KEPT.index(name)}]'"


def _of_last_attempt(field: str) -> str:
    place = AttemptRow.__struct_fields__.index(field)
    return f"row ->> '$[{KEPT.index('attempts')}][#-1][{place}]'"


def _of_each(part: str, kind: type[Struct], field: str) -> str:
    place = kind.__struct_fields__.index(field)
    return f"select value ->> {place} as it from json_each(row, '$[{KEPT.index(part)}]')"  # noqa: S608  as above


PLACES: Mapping[str, str] = {
    **{
        name: f"select {sql} as it"
        for name, sql in {
            "at": "received_at",
            "id": "id",
            "status": "status",
            "http": _kept("http_status"),
            "model": "model",
            "provider": "provider",
            "team": "team_id",
            "kind": "kind",
            "format": _kept("format"),
            "stream": _kept("stream"),
            "cache": _kept("cache"),
            "tokens": f"{_kept('tokens_in')} + {_kept('tokens_out')}",
            "tokens_in": _kept("tokens_in"),
            "tokens_out": _kept("tokens_out"),
            "cost": _kept("cost_micros"),
            "latency": _kept("total_us"),
            "first_byte": _of_last_attempt("first_byte_us"),
            "gateway": _kept("gateway_us"),
            "attempts": f"json_array_length(row, '$[{KEPT.index('attempts')}]')",
            "client": _kept("client"),
            "config": _kept("config_version"),
        }.items()
    },
    "error": f"select {_kept('error_code')} as it union all select {_kept('error_kind')}",
    "asked": f"select model_asked as it union all select {_kept('alias')}",
    "key": f"select key_id as it union all select {_kept('key_name')}",
    "tag": f"select value as it from json_each(row, '$[{KEPT.index('tags')}]') where key = :key",  # noqa: S608  as above
    "has": f"select 'findings' as it where json_array_length(row, '$[{KEPT.index('findings')}]') "  # noqa: S608  as above
    "union all select 'body' from bodies where trace_id = id",
    "words": "select id in (select trace_id from bodies where seq in "
    "(select rowid from body_words where body_words match :key)) as it",
    "credential": _of_each("attempts", AttemptRow, "credential"),
    "finding.module": _of_each("findings", FindingRow, "module"),
    "finding.action": _of_each("findings", FindingRow, "action"),
}
"""Filter field -> SQL for its values in one Trace."""
PARTS: Mapping[str, type[Struct]] = {
    "attempts": AttemptRow,
    "findings": FindingRow,
    "strip": StepRow,
}
"""Arrays of arrays in it, and what each of those is."""
