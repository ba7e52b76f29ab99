"""The only SQL about Traces."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stockyard.apps.lookout.models import Trace
from stockyard.storage.database import Database, Row, Transaction

INSERT = """
insert into traces (
    id, request_id, received_at, key_id, key_name, team_id, kind, format, path, native,
    model_asked, alias, model, provider, status, http_status, error_kind, error_code,
    error_module, stream, tokens_in, tokens_out, tokens_cached, tokens_reasoning,
    usage_source, cost_micros, cache, first_content_us, total_us, gateway_us, request_bytes,
    answer_bytes, attempts, findings, strip, tags, config_version, client
) select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->>
    6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
    value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18,
    value ->> 19, value ->> 20, value ->> 21, value ->> 22, value ->> 23, value ->> 24,
    value ->> 25, value ->> 26, value ->> 27, value ->> 28, value ->> 29, value ->> 30,
    value ->> 31, value -> 32, value -> 33, value -> 34, value -> 35, value ->> 36, value
    ->> 37
from jsonb_each(jsonb(:rows))
"""
"""The rows of a batch, each an array in the order of `traces.row_of`.

As JSONB, because text would be parsed again for every column: 11 µs a row instead of 43.
"""

SELECT = """
select
    seq,
    id, request_id, received_at, key_id, key_name, team_id, kind, format, path, native,
    model_asked, alias, model, provider, status, http_status, error_kind, error_code,
    error_module, stream, tokens_in, tokens_out, tokens_cached, tokens_reasoning,
    usage_source, cost_micros, cache, first_content_us, total_us, gateway_us, request_bytes,
    answer_bytes, attempts, findings, strip, tags, config_version, client
from traces
"""

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
    values: dict[str, Any] = dict(zip(Trace.__struct_fields__, row, strict=True))
    for name in ("attempts", "findings", "strip", "tags"):
        values[name] = msgspec.json.decode(values[name])
    values["stream"] = bool(values["stream"])
    return msgspec.convert(values, Trace)
