"""The only SQL about Keys."""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.apps.teams.models import KeyRecord, StoredKey
from stockyard.core.allowance import Allowance
from stockyard.storage.database import Database, Row, Transaction

SELECT = (
    "select id, name, prefix, last4, team_id, scopes, addresses, created_at, created_by, "
    "expires_at, paused_at, overlap_until, revoked_at, lossy, limits, sha256, former_sha256 "
    "from keys "
)


def insert_key(transaction: Transaction, stored: StoredKey) -> None:
    transaction.execute(
        "insert into keys (id, name, prefix, last4, team_id, scopes, addresses, created_at, "
        "created_by, expires_at, paused_at, overlap_until, revoked_at, lossy, limits, "
        "sha256, former_sha256) "
        "values (:id, :name, :prefix, :last4, :team_id, :scopes, :addresses, :created_at, "
        ":created_by, :expires_at, :paused_at, :overlap_until, :revoked_at, :lossy, :limits, "
        ":sha256, :former_sha256)",
        _values(stored),
    )


def change_key(
    transaction: Transaction, key_id: str, change: Callable[[StoredKey], StoredKey]
) -> StoredKey | None:
    """The Key as it is after the change; None if there is no such Key."""
    rows = transaction.execute(SELECT + "where id = :id", {"id": key_id})
    if not rows:
        return None
    stored = change(_stored(rows[0]))
    transaction.execute(
        "update keys set name = :name, prefix = :prefix, last4 = :last4, addresses = :addresses, "
        "expires_at = :expires_at, paused_at = :paused_at, overlap_until = :overlap_until, "
        "revoked_at = :revoked_at, lossy = :lossy, limits = :limits, sha256 = :sha256, "
        "former_sha256 = :former_sha256 where id = :id",
        _values(stored),
    )
    return stored


def revoke_others(transaction: Transaction, kept: Collection[str], now: int) -> list[StoredKey]:
    """Every Key that was revoked by this: all but those to be kept."""
    found = map(_stored, transaction.execute(SELECT + "where revoked_at is null"))
    gone = [
        stored._replace(record=replace(stored.record, revoked_at=now))
        for stored in found
        if stored.record.id not in kept
    ]
    transaction.execute(
        "update keys set revoked_at = :now where id in (select value from json_each(:ids))",
        {"now": now, "ids": msgspec.json.encode([stored.record.id for stored in gone]).decode()},
    )
    return gone


def keys(database: Database) -> list[StoredKey]:
    """Every Key, the newest first."""
    rows = database.read(SELECT + "order by created_at desc, id desc")
    return [_stored(row) for row in rows]


def admin_hash(database: Database) -> bytes | None:
    rows = database.read("select sha256 from admin_credentials where id = 'generated'")
    return rows[0][0] if rows else None


def put_admin_hash(transaction: Transaction, sha256: bytes, now: int) -> None:
    """Store the hash, in place of one that is there."""
    transaction.execute(
        "insert into admin_credentials (id, sha256, created_at) "
        "values ('generated', :sha256, :now) on conflict (id) "
        "do update set sha256 = excluded.sha256, created_at = excluded.created_at",
        {"sha256": sha256, "now": now},
    )


def _values(stored: StoredKey) -> dict[str, Any]:
    record = stored.record
    return {
        **msgspec.structs.asdict(record),
        "scopes": msgspec.json.encode(record.scopes).decode(),
        "addresses": msgspec.json.encode(record.addresses).decode(),
        "limits": msgspec.json.encode(record.limits).decode(),
        "sha256": stored.sha256,
        "former_sha256": stored.former,
    }


def _stored(row: Row) -> StoredKey:
    record = KeyRecord(
        id=row[0],
        name=row[1],
        prefix=row[2],
        last4=row[3],
        team_id=row[4],
        scopes=msgspec.json.decode(row[5], type=tuple[str, ...]),
        addresses=msgspec.json.decode(row[6], type=tuple[str, ...]),
        created_at=row[7],
        created_by=row[8],
        expires_at=row[9],
        paused_at=row[10],
        overlap_until=row[11],
        revoked_at=row[12],
        lossy=row[13],
        limits=msgspec.json.decode(row[14], type=tuple[Allowance, ...]),
    )
    return StoredKey(record, row[15], row[16])
