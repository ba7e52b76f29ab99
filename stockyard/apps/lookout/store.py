"""The only SQL about Traces."""

from collections.abc import Mapping
from typing import Any

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

COLUMNS = (
    *("seq", "id", "received_at", "key_id", "team_id", "kind"),
    *("model_asked", "model", "provider", "status"),
)
"""What is looked for by. All else of a call stands in `row`."""
SELECT = f"select {', '.join(COLUMNS)}, json(row) from traces "  # noqa: S608  names of ours only

CONDITIONS: Mapping[str, str] = {
    "before": "seq < :before",
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


def newest(database: Database, limit: int, **conditions: str | int | None) -> list[Trace]:
    """Traces that meet all conditions, the last one that ended first."""
    given = {name: value for name, value in conditions.items() if value is not None}
    where = " and ".join(CONDITIONS[name] for name in given)
    sql = SELECT + (f"where {where} " if where else "") + "order by seq desc limit :limit"
    return [trace_of(row) for row in database.read(sql, {**given, "limit": limit})]


def trace(database: Database, trace_id: str) -> Trace | None:
    """The Trace with this id."""
    rows = database.read(SELECT + "where id = :id", {"id": trace_id})
    return trace_of(rows[0]) if rows else None


def delete_older(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` Traces that are older; how many there were."""
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
PARTS: Mapping[str, type[Struct]] = {
    "attempts": AttemptRow,
    "findings": FindingRow,
    "strip": StepRow,
}
"""Arrays of arrays in it, and what each of those is."""
