"""The only SQL about modules and the versions of their configuration."""

from collections.abc import Sequence

import msgspec

from stockyard.apps.chute.models import StoredState
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


def text(value: object) -> str:
    return msgspec.json.encode(value).decode()
