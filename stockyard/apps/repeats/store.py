"""The only SQL about changes that were sent with an `Idempotency-Key`."""

from stockyard.apps.repeats.models import Claim
from stockyard.storage.database import Database, Transaction

CROWDED = """
delete from repeat_results where id in (
    select id from (
        select id, row_number() over newest as place,
            sum(coalesce(length(sealed), 0)) over newest as bytes
        from repeat_results window newest as (order by until desc, id)
    ) where place > :most or bytes > :most_bytes
)
"""


def result(database: Database, change_id: bytes, now: int) -> Claim | None:
    rows = database.read(
        "select digest, sealed from repeat_results where id = :id and until > :now",
        {"id": change_id, "now": now},
    )
    return Claim(*rows[0]) if rows else None


def claim(transaction: Transaction, change_id: bytes, digest: bytes, until: int) -> None:
    """What was there under the same id has expired, or nobody would ask."""
    transaction.execute(
        "insert or replace into repeat_results (id, digest, until) values (:id, :digest, :until)",
        {"id": change_id, "digest": digest, "until": until},
    )


def keep(
    transaction: Transaction, change_id: bytes, sealed: bytes, most: int, most_bytes: int
) -> None:
    """Store the result of a change, and delete the oldest results beyond the bound."""
    transaction.execute(
        "update repeat_results set sealed = :sealed where id = :id",
        {"id": change_id, "sealed": sealed},
    )
    transaction.execute(CROWDED, {"most": most, "most_bytes": most_bytes})


def release(transaction: Transaction, change_id: bytes) -> None:
    transaction.execute("delete from repeat_results where id = :id", {"id": change_id})


def move(transaction: Transaction, ms: int) -> None:
    """Have all of them expire so much later."""
    transaction.execute("update repeat_results set until = until + :ms", {"ms": ms})


def delete_expired(transaction: Transaction, now: int, limit: int) -> int:
    """Delete at most `limit` whose time is over; how many there were."""
    gone = transaction.execute(
        "delete from repeat_results where id in "
        "(select id from repeat_results where until <= :now order by until limit :limit) "
        "returning id",
        {"now": now, "limit": limit},
    )
    return len(gone)
