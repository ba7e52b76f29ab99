"""The only SQL about modules, the versions of their configuration, and kept answers."""

from collections.abc import Sequence

import msgspec

from stockyard.apps.chute.models import Purge, StoredState
from stockyard.core.ports import Stored
from stockyard.storage.database import Database, Row, Transaction


def states(database: Database) -> dict[str, StoredState]:
    """What was set on each module, by name."""
    rows = database.read(
        "select name, asked, enabled, locked, config, version, updated_at, updated_by, "
        "file_sha256 from module_states"
    )
    return {row[0]: state_of(row) for row in rows}


def newest_version(database: Database) -> int:
    """The number of the newest configuration; 1 is how it was shipped."""
    newest: int = database.read("select coalesce(max(number), 1) from config_versions")[0][0]
    return newest


def save(
    transaction: Transaction, changed: Sequence[StoredState], by: str, reason: str, now: int
) -> int:
    """Store a change of any number of modules as one new version; its number."""
    changes = [(state.name, state.enabled, state.config) for state in changed]
    number: int = transaction.execute(
        "insert into config_versions (number, at, by, reason, changes) "
        "select coalesce(max(number), 1) + 1, :at, :by, :reason, :changes from config_versions "
        "returning number",
        {"at": now, "by": by, "reason": reason, "changes": text(changes)},
    )[0][0]
    for state in changed:
        save_state(transaction, state, number, now)
    return number


def save_state(transaction: Transaction, state: StoredState, number: int, now: int) -> None:
    transaction.execute(
        "insert into module_states "
        "(name, asked, enabled, locked, config, version, updated_at, updated_by, file_sha256) "
        "values (:name, :asked, :enabled, :locked, :config, :version, :updated_at, "
        ":updated_by, :file_sha256) "
        "on conflict (name) do update set asked = excluded.asked, enabled = excluded.enabled, "
        "locked = excluded.locked, config = excluded.config, version = excluded.version, "
        "updated_at = excluded.updated_at, updated_by = excluded.updated_by, "
        "file_sha256 = excluded.file_sha256",
        {
            "name": state.name,
            "asked": state.asked,
            "enabled": state.enabled,
            "locked": state.locked,
            "config": None if state.config is None else text(state.config),
            "version": number,
            "updated_at": now,
            "updated_by": state.updated_by,
            "file_sha256": state.file_sha256,
        },
    )


def state_of(row: Row) -> StoredState:
    return StoredState(
        name=row[0],
        asked=row[1],
        enabled=None if row[2] is None else bool(row[2]),
        locked=bool(row[3]),
        config=None if row[4] is None else msgspec.json.decode(row[4]),
        version=row[5],
        updated_at=row[6],
        updated_by=row[7],
        file_sha256=row[8],
    )


def answer(database: Database, key: bytes) -> Stored | None:
    """The answer that is kept under this key."""
    rows = database.read(
        "select value, stored_at, expires_at, useless_at, model, key_id, user, tags "
        "from cached_answers where key = :key",
        {"key": key},
    )
    if not rows:
        return None
    row = rows[0]
    return Stored(
        value=row[0],
        stored_at=row[1],
        expires_at=row[2],
        useless_at=row[3],
        model=row[4],
        key_id=row[5],
        user=row[6],
        tags=tuple(msgspec.json.decode(row[7], type=dict[str, str]).items()),
    )


def keep_answer(transaction: Transaction, key: bytes, stored: Stored) -> None:
    """Keep it in place of the one that was kept under this key."""
    transaction.execute(
        "insert or replace into cached_answers "
        "(key, value, stored_at, expires_at, useless_at, model, key_id, user, tags) values "
        "(:key, :value, :stored_at, :expires_at, :useless_at, :model, :key_id, :user, :tags)",
        {
            "key": key,
            "value": stored.value,
            "stored_at": stored.stored_at,
            "expires_at": stored.expires_at,
            "useless_at": stored.useless_at,
            "model": stored.model,
            "key_id": stored.key_id,
            "user": stored.user,
            "tags": text(dict(stored.tags)),
        },
    )


def move_answers(transaction: Transaction, seconds: float) -> None:
    """Have all of them stored, and useless, so much later."""
    transaction.execute(
        "update cached_answers set stored_at = stored_at + :seconds, "
        "expires_at = expires_at + :seconds, useless_at = useless_at + :seconds",
        {"seconds": seconds},
    )


PURGED_BY = {
    "model": "model = :model",
    "key_id": "key_id = :key_id",
    "user": "user = :user",
    "before": "stored_at < :before",
    "tag": "exists (select 1 from json_each(tags) where key = :name and value = :tag)",
}


def purge_answers(transaction: Transaction, which: Purge) -> int:
    """Delete these; how many there were."""
    given = {
        name: value for name, value in msgspec.structs.asdict(which).items() if value is not None
    }
    where = " and ".join(PURGED_BY[name] for name in given) or "true"
    if which.tag is not None:
        given["name"], given["tag"] = which.tag
    sql = f"delete from cached_answers where {where} returning 1"  # noqa: S608  names of ours only
    return len(transaction.execute(sql, given))


async def count_answers(database: Database) -> int:
    [(count,)] = await database.read_slowly("select count(*) from cached_answers")
    return int(count)


async def answers_beyond(database: Database, most: int, most_bytes: int) -> float | None:
    """Answers stored until this time are too many, in number or in size; None if none are."""
    rows = await database.read_slowly(
        "select stored_at from (select stored_at, row_number() over newest as number, "
        "sum(length(value)) over newest as bytes from cached_answers "
        "window newest as (order by stored_at desc, key rows unbounded preceding)) "
        "where number > :most or bytes > :most_bytes order by stored_at desc limit 1",
        {"most": most, "most_bytes": most_bytes},
    )
    return rows[0][0] if rows else None


def delete_useless_answers(transaction: Transaction, now: float, limit: int) -> int:
    return _delete_answers(transaction, "useless_at", now, limit)


def delete_answers_until(transaction: Transaction, stored_at: float, limit: int) -> int:
    return _delete_answers(transaction, "stored_at", stored_at, limit)


def _delete_answers(transaction: Transaction, by: str, until: float, limit: int) -> int:
    """Delete at most `limit` of them, the oldest first; how many there were."""
    gone = transaction.execute(
        f"delete from cached_answers where key in (select key from cached_answers "  # noqa: S608  as above
        f"where {by} <= :until order by {by} limit :limit) returning 1",
        {"until": until, "limit": limit},
    )
    return len(gone)


def text(value: object) -> str:
    return msgspec.json.encode(value).decode()
