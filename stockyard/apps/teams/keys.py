"""Keys: the secrets we give to programs, known by their hash and looked up in memory."""

import hmac
import secrets
from collections.abc import Callable
from functools import partial
from time import time_ns

from stockyard.apps.teams import store
from stockyard.apps.teams.models import KeyRecord
from stockyard.apps.teams.secret import KEY_PREFIX, fingerprint, looks_like_a_key, new_secret
from stockyard.core.exchange import Caller
from stockyard.core.signals import KeysChanged, Signal
from stockyard.errors import Refused
from stockyard.storage.database import Database

MAX_KEYS = 100_000
SHOWN = 4
"""Characters of a secret that are shown after its prefix, and at its end."""


class KeyRing:
    """All Keys of this installation. A change is on disk before it counts, and counts at once."""

    def __init__(
        self, database: Database, announce: Callable[[Signal], None] = lambda signal: None
    ) -> None:
        self._database = database
        self._announce = announce
        self.generation = 0
        """Changes whenever a Key is made or revoked, so that what remembers Callers forgets."""
        self._records: dict[str, KeyRecord] = {}
        self._callers: dict[bytes, tuple[bytes, Caller]] = {}
        self._hashes: dict[str, bytes] = {}
        for sha256, record in reversed(store.keys(database)):
            self._remember(record, sha256)

    def caller_of(self, secret: bytes) -> Caller | None:
        """Who sends this secret; None if it is not a Key, unknown, or revoked."""
        if not looks_like_a_key(secret):
            return None
        digest = fingerprint(secret)
        found = self._callers.get(digest)
        if found is None or not hmac.compare_digest(found[0], digest):
            return None
        return found[1]

    async def create(self, name: str, *, by: str = "system") -> tuple[KeyRecord, str]:
        """A new Key and its secret, which is shown now and never again."""
        if len(self._records) >= MAX_KEYS:
            raise Refused(409, "limit_reached", f"There are {MAX_KEYS:,} Keys already.")
        secret = new_secret(KEY_PREFIX)
        record = KeyRecord(
            id="key_" + secrets.token_hex(12),
            name=name,
            prefix=secret[: len(KEY_PREFIX) + SHOWN].decode(),
            last4=secret[-SHOWN:].decode(),
            created_at=time_ns() // 1_000_000,
            created_by=by,
        )
        sha256 = fingerprint(secret)
        await self._database.write(partial(store.insert_key, record=record, sha256=sha256))
        self._remember(record, sha256)
        self._changed()
        return record, secret.decode()

    async def revoke(self, key_id: str) -> KeyRecord:
        """Take a Key back, for ever. It is refused as soon as this returns."""
        now = time_ns() // 1_000_000
        record = await self._database.write(partial(store.revoke_key, key_id=key_id, now=now))
        if record is None:
            raise unknown_key(key_id)
        self._records[key_id] = record
        self._callers.pop(self._hashes[key_id], None)
        self._changed()
        return record

    def list(self) -> list[KeyRecord]:
        """Every Key, the newest first, revoked ones too."""
        return list(reversed(self._records.values()))

    def get(self, key_id: str) -> KeyRecord:
        try:
            return self._records[key_id]
        except KeyError:
            raise unknown_key(key_id) from None

    def __len__(self) -> int:
        return len(self._records)

    def _remember(self, record: KeyRecord, sha256: bytes) -> None:
        self._records[record.id] = record
        self._hashes[record.id] = sha256
        if record.revoked_at is None:
            caller = Caller(key_id=record.id, key_name=record.name, team_id=record.team_id)
            self._callers[sha256] = sha256, caller

    def _changed(self) -> None:
        self.generation += 1
        self._announce(KeysChanged())


def unknown_key(key_id: str) -> Refused:
    return Refused(404, "not_found", "There is no such Key.")
