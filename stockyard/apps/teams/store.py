"""The only SQL about Keys."""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from stockyard.apps.teams.models import Held, KeyRecord
from stockyard.core.allowance import Allowance
from stockyard.storage.database import Database, Row, Transaction

SELECT = (
    "select id, name, prefix, last4, team_id, scopes, addresses, created_at, created_by, "
    "expires_at, paused_at, overlap_until, revoked_at, lossy, limits, sha256, former_sha256 "
    "from keys "
)


def insert_key(transaction: Transaction, held: Held) -> None:
    transaction.execute(
        "insert into keys (id, name, prefix, last4, team_id, scopes, addresses, created_at, "
        "created_by, expires_at, paused_at, overlap_until, revoked_at, lossy, limits, "
        "sha256, former_sha256) "
        "values (:id, :name, :prefix, :last4, :team_id, :scopes, :addresses, :created_at, "
        ":created_by, :expires_at, :paused_at, :overlap_until, :revoked_at, :lossy, :limits, "
        ":sha256, :former_sha256)",
        _values(held),
    )


def change_key(
    transaction: Transaction, key_id: str, change: Callable[[Held], Held]
) -> Held | None:
    """The Key as it is after the change; None if there is no such Key."""
    rows = transaction.execute(SELECT + "where id = :id", {"id": key_id})
    if not rows:
        return None
    held = change(_held(rows[0]))
    transaction.execute(
        "update keys set name = :name, prefix = :prefix, last4 = :last4, addresses = :addresses, "
        "expires_at = :expires_at, paused_at = :paused_at, overlap_until = :overlap_until, "
        "revoked_at = :revoked_at, lossy = :lossy, limits = :limits, sha256 = :sha256, "
        "former_sha256 = :former_sha256 where id = :id",
        _values(held),
    )
    return held


def revoke_others(transaction: Transaction, kept: Collection[str], now: int) -> list[Held]:
    """Every Key that was revoked by this: all but those to be kept."""
    found = map(_held, transaction.execute(SELECT + "where revoked_at is null"))
    gone = [
        held._replace(record=replace(held.record, revoked_at=now))
        for held in found
        if held.record.id not in kept
    ]
    transaction.execute(
        "update keys set revoked_at = :now where id in (select value from json_each(:ids))",
        {"now": now, "ids": msgspec.json.encode([held.record.id for held in gone]).decode()},
    )
    return gone


def keys(database: Database) -> list[Held]:
    """Every Key, the newest first."""
    rows = database.read(SELECT + "order by created_at desc, id desc")
    return [_held(row) for row in rows]


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


def _values(held: Held) -> dict[str, Any]:
    record = held.record
    return {
        **msgspec.structs.asdict(record),
        "scopes": msgspec.json.encode(record.scopes).decode(),
        "addresses": msgspec.json.encode(record.addresses).decode(),
        "limits": msgspec.json.encode(record.limits).decode(),
        "sha256": held.sha256,
        "former_sha256": held.former,
    }


def _held(row: Row) -> Held:
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
    return Held(record, row[15], row[16])
