"""The only SQL about Keys."""

import msgspec

from stockyard.apps.teams.models import KeyRecord
from stockyard.storage.database import Database, Row, Transaction


def insert_key(transaction: Transaction, record: KeyRecord, sha256: bytes) -> None:
    transaction.execute(
        "insert into keys (id, name, prefix, last4, team_id, scopes, created_at, created_by, "
        "sha256) values (:id, :name, :prefix, :last4, :team_id, :scopes, :created_at, "
        ":created_by, :sha256)",
        {
            "id": record.id,
            "name": record.name,
            "prefix": record.prefix,
            "last4": record.last4,
            "team_id": record.team_id,
            "scopes": msgspec.json.encode(record.scopes).decode(),
            "created_at": record.created_at,
            "created_by": record.created_by,
            "sha256": sha256,
        },
    )


def revoke_key(transaction: Transaction, key_id: str, now: int) -> KeyRecord | None:
    """The Key as it is then; None if there is no such Key. A second time changes nothing."""
    rows = transaction.execute(
        "update keys set revoked_at = coalesce(revoked_at, :now) where id = :id returning "
        "id, name, prefix, last4, team_id, scopes, created_at, created_by, revoked_at",
        {"id": key_id, "now": now},
    )
    return record_of(rows[0]) if rows else None


def keys(database: Database) -> list[tuple[bytes, KeyRecord]]:
    """Every Key with the hash of its secret, the newest first."""
    rows = database.read(
        "select sha256, id, name, prefix, last4, team_id, scopes, created_at, created_by, "
        "revoked_at from keys order by created_at desc, id desc"
    )
    return [(row[0], record_of(row[1:])) for row in rows]


def admin_hash(database: Database) -> bytes | None:
    rows = database.read("select sha256 from admin_credentials where id = 'generated'")
    return rows[0][0] if rows else None


def insert_admin_hash(transaction: Transaction, sha256: bytes, now: int) -> bytes:
    """Store the hash unless there is one; the hash that is stored then."""
    transaction.execute(
        "insert into admin_credentials (id, sha256, created_at) "
        "values ('generated', :sha256, :now) on conflict do nothing",
        {"sha256": sha256, "now": now},
    )
    stored: bytes = transaction.execute(
        "select sha256 from admin_credentials where id = 'generated'"
    )[0][0]
    return stored


def record_of(row: Row) -> KeyRecord:
    return KeyRecord(
        id=row[0],
        name=row[1],
        prefix=row[2],
        last4=row[3],
        team_id=row[4],
        scopes=tuple(msgspec.json.decode(row[5], type=list[str])),
        created_at=row[6],
        created_by=row[7],
        revoked_at=row[8],
    )
