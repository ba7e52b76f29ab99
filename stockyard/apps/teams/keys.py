"""Keys: secrets issued to programs, stored as hashes and looked up in memory."""

import hmac
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from time import time_ns

from msgspec.structs import replace

from stockyard.apps.teams import store
from stockyard.apps.teams.addresses import networks_of
from stockyard.apps.teams.models import KeyRecord, StoredKey
from stockyard.apps.teams.secret import KEY_PREFIX, fingerprint, looks_like_a_key, new_secret
from stockyard.core.allowance import Allowance
from stockyard.core.caller import Caller, Lossy
from stockyard.core.signals import KeysChanged, Signal
from stockyard.errors import Refused
from stockyard.storage.database import Database

MAX_KEYS = 100_000
SHOWN = 4
"""Characters of a secret that are shown after its prefix, and at its end."""

Change = Callable[[KeyRecord], KeyRecord]


class KeyRing:
    """All Keys of this installation. A change is on disk before it takes effect, and takes effect
    at once."""

    def __init__(
        self, database: Database, announce: Callable[[Signal], None] = lambda signal: None
    ) -> None:
        self._database = database
        self._announce = announce
        self.generation = 0
        """Changes whenever a Key does, so that what remembers Callers forgets."""
        self._stored: dict[str, StoredKey] = {}
        self._callers: dict[bytes, tuple[bytes, Caller]] = {}
        self._limited: set[str] = set()
        """Keys that have limits of their own."""
        self._until: dict[bytes, int] = {}
        """When secrets expire that do so by themselves, by their hash."""
        for stored in reversed(store.keys(database)):
            self._remember(stored)

    def caller_of(self, secret: bytes) -> Caller | None:
        """The Caller with this secret; None if it is unknown or may not be used now."""
        if not looks_like_a_key(secret):
            return None
        digest = fingerprint(secret)
        found = self._callers.get(digest)
        if found is None or not hmac.compare_digest(found[0], digest):
            return None
        until = self._until.get(digest)
        return found[1] if until is None or now_ms() < until else None

    async def create(
        self,
        name: str,
        *,
        by: str = "system",
        addresses: Sequence[str] = (),
        expires_at: int | None = None,
        limits: Sequence[Allowance] = (),
        lossy: Lossy | None = None,
        secret: bytes | None = None,
        dry_run: bool = False,
    ) -> tuple[KeyRecord, str]:
        """A new Key and its secret, which is shown now and never again.

        `secret`: one of `new_secret` that was noted before. `dry_run`: it is checked, and not made.
        """
        if len(self._stored) >= MAX_KEYS:
            raise Refused(409, "limit_reached", f"There are {MAX_KEYS:,} Keys already.")
        secret = secret or new_secret(KEY_PREFIX)
        record = KeyRecord(
            id="key_" + secrets.token_hex(12),
            name=name,
            prefix=_start(secret),
            last4=_end(secret),
            addresses=networks_of(addresses),
            created_at=now_ms(),
            created_by=by,
            expires_at=in_the_future(expires_at),
            limits=tuple(limits),
            lossy=lossy,
        )
        if dry_run:
            return record, ""
        stored = StoredKey(record, fingerprint(secret))
        await self._database.write(partial(store.insert_key, stored=stored))
        self._remember(stored)
        self._changed()
        return record, secret.decode()

    def planned(self, key_id: str, change: Change) -> tuple[KeyRecord, KeyRecord]:
        """A Key as it is, and as a change would leave it. Raises what the change would raise."""
        record = self.get(key_id)
        return record, change(record)

    async def revoke(self, key_id: str) -> KeyRecord:
        """Revoke a Key permanently. It is refused as soon as this returns."""
        return await self._change(key_id, revoked(now_ms()))

    async def revoke_all(self, kept: Sequence[str] = ()) -> int:
        """Revoke every Key except these ids; returns how many were revoked."""
        revoke = partial(store.revoke_others, kept=frozenset(kept), now=now_ms())
        gone = await self._database.write(revoke)
        for stored in gone:
            self._remember(stored)
        self._changed()
        return len(gone)

    async def pause(self, key_id: str) -> KeyRecord:
        """Refuse a Key until it is resumed."""
        return await self._change(key_id, paused(now_ms()))

    async def resume(self, key_id: str) -> KeyRecord:
        return await self._change(key_id, resumed)

    async def change(self, key_id: str, change: Change) -> KeyRecord:
        """Give a Key another name, other addresses or another end."""
        return await self._change(key_id, lambda record: change(alive(record)))

    async def rotate(self, key_id: str, *, overlap_ms: int) -> tuple[KeyRecord, str]:
        """A new secret for a Key. The one it had still works for so long; earlier ones do not."""
        secret, now = new_secret(KEY_PREFIX), now_ms()

        def turned(stored: StoredKey) -> StoredKey:
            record = rotated(now, overlap_ms)(stored.record)
            record = replace(record, prefix=_start(secret), last4=_end(secret))
            return StoredKey(record, fingerprint(secret), stored.sha256 if overlap_ms else None)

        return await self._turn(key_id, turned), secret.decode()

    @property
    def limited(self) -> bool:
        """Whether some Key has limits of its own."""
        return bool(self._limited)

    def lapse(self) -> None:
        """Let go of the secrets whose time is over, so that what remembers Callers does, too."""
        now = now_ms()
        over = [digest for digest, until in self._until.items() if until <= now]
        for digest in over:
            self._forget(digest)
        if over:
            self._changed()

    async def clock_stepped(self, ms: int) -> None:
        """The clock was set by so many milliseconds. The end of a Key is a date and stays. How long
        a former secret is good is a duration, so its end moves along; one that is over stays so."""
        move = overlap_moved(now_ms() - ms, ms)
        for stored in [*self._stored.values()]:
            if stored.former is not None:
                await self._turn(stored.record.id, move)
            elif stored.record.expires_at is not None:
                self._remember(stored)  # `lapse` may have believed another clock
        self._changed()

    def list(self) -> list[KeyRecord]:
        """Every Key, the newest first, revoked ones too."""
        return [stored.record for stored in reversed(self._stored.values())]

    def get(self, key_id: str) -> KeyRecord:
        try:
            return self._stored[key_id].record
        except KeyError:
            raise unknown_key(key_id) from None

    def __len__(self) -> int:
        return len(self._stored)

    async def _change(self, key_id: str, change: Change) -> KeyRecord:
        return await self._turn(
            key_id, lambda stored: stored._replace(record=change(stored.record))
        )

    async def _turn(self, key_id: str, turn: Callable[[StoredKey], StoredKey]) -> KeyRecord:
        stored = await self._database.write(partial(store.change_key, key_id=key_id, change=turn))
        if stored is None:
            raise unknown_key(key_id)
        self._remember(stored)
        self._changed()
        return stored.record

    def _remember(self, stored: StoredKey) -> None:
        record = stored.record
        before = self._stored.get(record.id)
        if before is not None:
            self._forget(before.sha256)
            self._forget(before.former)
        self._stored[record.id] = stored
        self._limited.discard(record.id)
        if not record.opens:
            return
        if record.limits:
            self._limited.add(record.id)
        caller = Caller(
            key_id=record.id,
            key_name=record.name,
            team_id=record.team_id,
            addresses=record.addresses,
            limits=record.limits,
            lossy=record.lossy,
        )
        self._admit(stored.sha256, caller, record.expires_at)
        if stored.former is not None and record.overlap_until is not None:
            ends = (record.overlap_until, record.expires_at or record.overlap_until)
            self._admit(stored.former, caller, min(ends))

    def _admit(self, sha256: bytes, caller: Caller, until: int | None) -> None:
        self._callers[sha256] = sha256, caller
        if until is not None:
            self._until[sha256] = until

    def _forget(self, sha256: bytes | None) -> None:
        if sha256 is not None:
            self._callers.pop(sha256, None)
            self._until.pop(sha256, None)

    def _changed(self) -> None:
        self.generation += 1
        self._announce(KeysChanged())


def now_ms() -> int:
    return time_ns() // 1_000_000


def in_the_future(expires_at: int | None) -> int | None:
    if expires_at is not None and expires_at <= now_ms():
        raise Refused(400, "invalid", "A Key cannot expire in the past.")
    return expires_at


def unknown_key(key_id: str) -> Refused:
    return Refused(404, "not_found", "There is no such Key. `stockyard keys list` shows their ids.")


def _start(secret: bytes) -> str:
    return secret[: len(KEY_PREFIX) + SHOWN].decode()


def _end(secret: bytes) -> str:
    return secret[-SHOWN:].decode()


def alive(record: KeyRecord) -> KeyRecord:
    if record.revoked_at is not None:
        raise Refused(409, "locked", "This Key was revoked, which is for ever.")
    return record


# Changes of a Key


def revoked(now: int) -> Change:
    return lambda record: replace(record, revoked_at=record.revoked_at or now)


def paused(now: int) -> Change:
    return lambda record: replace(alive(record), paused_at=record.paused_at or now)


def resumed(record: KeyRecord) -> KeyRecord:
    return replace(alive(record), paused_at=None)


def overlap_moved(before: int, ms: int) -> Callable[[StoredKey], StoredKey]:
    """The clock went by so many milliseconds from what it was before."""

    def move(stored: StoredKey) -> StoredKey:
        until = stored.record.overlap_until
        if until is None or until <= before:
            return stored._replace(former=None)
        return stored._replace(record=replace(stored.record, overlap_until=until + ms))

    return move


def rotated(now: int, overlap_ms: int) -> Change:
    """All of a rotation but the new secret."""
    until = now + overlap_ms if overlap_ms else None
    return lambda record: replace(alive(record), overlap_until=until)
