"""Keys: known by their hash, refused at once when revoked, never stored in clear."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.apps.teams.admin import AdminCredential
from stockyard.apps.teams.keys import KeyRing
from stockyard.apps.teams.secret import ADMIN_PREFIX, KEY_PREFIX, looks_like_a_key, new_secret
from stockyard.core.signals import KeysChanged, Signal
from stockyard.core.target import Secret
from stockyard.errors import Refused
from stockyard.storage.sqlite import SqliteDatabase


async def test_a_new_key_is_its_caller_at_once(database: SqliteDatabase) -> None:
    signals: list[Signal] = []
    ring = KeyRing(database, signals.append)
    record, secret = await ring.create("my app")
    caller = ring.caller_of(secret.encode())
    assert caller is not None
    assert (caller.key_id, caller.key_name, caller.team_id) == (record.id, "my app", "default")
    assert (ring.generation, signals) == (1, [KeysChanged()])


async def test_a_revoked_key_is_refused_when_revoke_returns(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    record, secret = await ring.create("a")
    before = ring.generation
    revoked = await ring.revoke(record.id)
    assert ring.caller_of(secret.encode()) is None
    assert ring.generation > before
    assert revoked.revoked_at is not None
    assert await ring.revoke(record.id) == revoked


async def test_keys_are_known_after_a_restart_and_revoked_ones_are_not(
    database: SqliteDatabase,
) -> None:
    ring = KeyRing(database)
    kept, kept_secret = await ring.create("kept")
    gone, gone_secret = await ring.create("gone")
    await ring.revoke(gone.id)
    again = KeyRing(database)
    assert again.caller_of(kept_secret.encode()) == ring.caller_of(kept_secret.encode())
    assert again.caller_of(gone_secret.encode()) is None
    assert {record.id for record in again.list()} == {kept.id, gone.id}
    assert again.list() == sorted(again.list(), key=lambda r: (r.created_at, r.id), reverse=True)


async def test_a_key_that_does_not_exist_cannot_be_revoked(database: SqliteDatabase) -> None:
    with pytest.raises(Refused) as refused:
        await KeyRing(database).revoke("key_none")
    assert refused.value.status == 404


async def test_no_secret_is_in_the_file(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    secrets = [(await ring.create(f"k{n}"))[1] for n in range(20)]
    _, admin = await AdminCredential.prepare(database, None)
    assert admin is not None
    database.close()
    files = database.path.read_bytes()
    for secret in (*secrets, admin):
        assert secret.encode() not in files
        assert secret[10:40].encode() not in files


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"sk-sy-",
        b"sk-sy-" + b"a" * 49,
        b"sk-proj-" + b"a" * 47,
        b"\x00" * 55,
        b"sk-sy-" + b"a" * 1_000_000,
        "sk-sy-ключ".encode(),
    ],
)
async def test_garbage_is_no_key(database: SqliteDatabase, garbage: bytes) -> None:
    assert KeyRing(database).caller_of(garbage) is None


async def test_the_stored_hash_is_no_key(database: SqliteDatabase) -> None:
    ring = KeyRing(database)
    await ring.create("a")
    [(sha256,)] = database.read("select sha256 from keys")
    assert ring.caller_of(sha256) is None
    assert ring.caller_of(b"sk-sy-" + sha256.hex().encode()[:49]) is None


@given(st.integers(0, 54), st.integers(1, 255))
def test_the_checksum_refuses_any_single_change(place: int, change: int) -> None:
    secret = bytearray(new_secret(KEY_PREFIX))
    assert looks_like_a_key(bytes(secret))
    secret[place] ^= change
    assert not looks_like_a_key(bytes(secret))


async def test_the_admin_credential_is_made_once_and_shown_once(
    database: SqliteDatabase,
) -> None:
    admin, shown = await AdminCredential.prepare(database, None)
    again, nothing = await AdminCredential.prepare(database, None)
    assert shown is not None
    assert shown.encode().startswith(ADMIN_PREFIX)
    assert nothing is None
    for credential in (admin, again):
        assert credential.opens(shown.encode())
        assert not credential.opens(shown.encode()[:-1])
        assert credential.identity == "admin"


async def test_the_environments_admin_credential_stands_alone(database: SqliteDatabase) -> None:
    _, made = await AdminCredential.prepare(database, None)
    assert made is not None
    given_one = "g" * 40
    admin, shown = await AdminCredential.prepare(database, Secret(given_one))
    assert shown is None
    assert admin.identity == "env-admin"
    assert admin.opens(given_one.encode())
    assert not admin.opens(made.encode())


async def test_a_key_that_could_not_be_stored_is_not_known(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    ring = KeyRing(database)
    with sqlite3.connect(tmp_path / "stockyard.db") as other:
        other.execute(
            "create trigger no before insert on keys begin select raise(abort, 'no'); end"
        )
    with pytest.raises(Exception, match="no"):
        await ring.create("a")
    assert len(ring) == 0
    assert ring.generation == 0
