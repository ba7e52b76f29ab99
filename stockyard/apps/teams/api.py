"""Keys over the API: make one, see them, take one back."""

from typing import Annotated

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from stockyard.api.identity import Identity
from stockyard.api.parameters import Given
from stockyard.api.permission import needs
from stockyard.apps.teams.keys import KeyRing
from stockyard.apps.teams.models import KeyRecord

Keys = Given[KeyRing]
Who = Given[Identity]


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a Key is made from."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class MadeKey(KeyRecord, frozen=True, kw_only=True):
    """A new Key. `key` is its secret: shown now and never again."""

    key: str


class KeyList(Struct, frozen=True, kw_only=True):
    keys: list[KeyRecord]
    count: int
    next: None = None


class RevokedKey(Struct, frozen=True, kw_only=True):
    deleted: bool
    revoked_at: int


class KeyEndpoints(Controller):
    """Keys."""

    tags = ["Team"]  # noqa: RUF012  the framework's own declaration

    @get("/keys", opt=needs("team.keys"))
    async def list_keys(self, keys: Keys) -> KeyList:
        """Every Key, the newest first, revoked ones too. Without their secrets."""
        records = keys.list()
        return KeyList(keys=records, count=len(records))

    @post("/keys", opt=needs("team.keys"))
    async def create_key(self, keys: Keys, identity: Who, data: JSONBody[NewKey]) -> MadeKey:
        """Make a Key. Its secret is in this answer and nowhere else."""
        record, secret = await keys.create(data.name, by=identity.name)
        return MadeKey(**msgspec.structs.asdict(record), key=secret)

    @get("/keys/{key_id:str}", opt=needs("team.keys"))
    async def read_key(self, keys: Keys, key_id: FromPath[str]) -> KeyRecord:
        """One Key."""
        return keys.get(key_id)

    @delete("/keys/{key_id:str}", opt=needs("team.keys"), status_code=200)
    async def revoke_key(self, keys: Keys, key_id: FromPath[str]) -> RevokedKey:
        """Take a Key back, for ever. It is refused as soon as this is answered."""
        record = await keys.revoke(key_id)
        return RevokedKey(deleted=True, revoked_at=record.revoked_at or 0)
