"""The endpoints for Keys: create, list, limit, pause, rotate, revoke."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from stockyard.api.identity import Identity
from stockyard.api.paging import Cursor, Cursors, Limit, Page, page_of, sorted_page
from stockyard.api.parameters import DryRun, Given
from stockyard.api.permission import needs
from stockyard.apps.teams import planned
from stockyard.apps.teams.addresses import networks_of
from stockyard.apps.teams.keys import (
    KeyRing,
    alive,
    in_the_future,
    now_ms,
    paused,
    resumed,
    revoked,
    rotated,
)
from stockyard.apps.teams.models import KeyRecord
from stockyard.apps.teams.planned import PlannedKeys
from stockyard.core.allowance import Allowance
from stockyard.core.caller import Lossy

Keys = Given[KeyRing]
Who = Given[Identity]
Signer = Given[Cursors]
LIST = {"list": "keys"}
"""What a cursor of the list of Keys is bound to."""
NEWEST_FIRST: Literal["-created_at"] = "-created_at"
Sort = Annotated[
    Literal["created_at", "-created_at", "name", "-name", "expires_at", "-expires_at"],
    QueryParameter(description="By what, and with `-` the other way round."),
]
ORDERS: Mapping[str, Callable[[KeyRecord], Any]] = {
    "created_at": lambda key: 0,
    "name": lambda key: key.name.casefold(),
    "expires_at": lambda key: (key.expires_at is None, key.expires_at),
}
"""Those that never expire come after those that do."""

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Limits = Annotated[list[Allowance], Meta(max_length=20)]
Moment = Annotated[int, Meta(ge=0, le=1 << 53)]
DAY_MS = 24 * 3600 * 1000
MOST_OVERLAP_MS = 30 * DAY_MS


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new Key to create."""

    name: Name
    addresses: list[str] = []
    """The networks it may be used from; empty: any."""
    expires_at: Moment | None = None
    limits: Limits = []
    """How much it may use. The module `ratelimit` enforces it."""
    lossy: Lossy | None = None
    """What happens when a provider's format cannot express all of a call: refuse it (`strict`),
    list the fields in a header (`warn`), or neither (`silent`). None: as in the settings."""


class ChangedKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to a Key. Omitted fields stay as they are."""

    name: Name | UnsetType = UNSET
    addresses: list[str] | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    limits: Limits | UnsetType = UNSET
    lossy: Lossy | UnsetType | None = UNSET


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the previous secret still works."""

    overlap_ms: Annotated[int, Meta(ge=0, le=MOST_OVERLAP_MS)] = DAY_MS


class AllBut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Keys that are spared, by their ids."""

    kept: list[str] = []


class RevokedKeys(Struct, frozen=True, kw_only=True):
    revoked: int


class MadeKey(KeyRecord, frozen=True, kw_only=True):
    """A new Key. `key` is its secret: shown now and never again."""

    key: str


class KeyList(Struct, frozen=True, kw_only=True):
    keys: Sequence[KeyRecord]
    count: int
    next: str | None


class RevokedKey(Struct, frozen=True, kw_only=True):
    deleted: bool
    revoked_at: int


class KeyEndpoints(Controller):
    """Keys."""

    tags = ["Team"]  # noqa: RUF012  the framework's own declaration

    @get("/keys", opt=needs("team.keys"))
    async def list_keys(
        self,
        keys: Keys,
        cursors: Signer,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Sort = NEWEST_FIRST,
    ) -> KeyList:
        """Keys, the newest first, revoked ones too. Without their secrets."""
        this = {**LIST, "sort": sort}
        position = cursors.read(this, cursor) if cursor else None
        page = await _page(keys.list(), sort, limit, position)
        return KeyList(
            keys=page.items,
            count=len(page.items),
            next=None if page.position is None else cursors.make(this, page.position),
        )

    @post("/keys", opt=needs("team.keys"))
    async def create_key(
        self, keys: Keys, identity: Who, data: JSONBody[NewKey], dry_run: DryRun = False
    ) -> Response[MadeKey | PlannedKeys]:
        """Create a Key. Its secret is in this answer and nowhere else."""
        record, secret = await keys.create(
            data.name,
            by=identity.name,
            addresses=data.addresses,
            expires_at=data.expires_at,
            limits=data.limits,
            lossy=data.lossy,
            dry_run=dry_run,
        )
        if dry_run:
            return Response(planned.made(record), status_code=200)
        made = MadeKey(**msgspec.structs.asdict(record), key=secret)
        return Response(made, headers={"Location": f"/api/team/keys/{record.id}"})

    @get("/keys/{key_id:str}", opt=needs("team.keys"))
    async def read_key(self, keys: Keys, key_id: FromPath[str]) -> KeyRecord:
        """One Key."""
        return keys.get(key_id)

    @patch("/keys/{key_id:str}", opt=needs("team.keys"))
    async def change_key(
        self,
        keys: Keys,
        key_id: FromPath[str],
        data: JSONBody[ChangedKey],
        dry_run: DryRun = False,
    ) -> KeyRecord | PlannedKeys:
        """Change a Key's name or permissions. Omitted fields stay as they are."""
        if dry_run:
            pair = keys.planned(key_id, lambda record: _changed(alive(record), data))
            return planned.changed([pair])
        return await keys.change(key_id, lambda record: _changed(record, data))

    @post("/keys/{key_id:str}/pause", opt=needs("team.keys"), status_code=200)
    async def pause_key(
        self, keys: Keys, key_id: FromPath[str], dry_run: DryRun = False
    ) -> KeyRecord | PlannedKeys:
        """Refuse a Key until it is resumed."""
        if dry_run:
            return planned.changed([keys.planned(key_id, paused(now_ms()))])
        return await keys.pause(key_id)

    @post("/keys/{key_id:str}/resume", opt=needs("team.keys"), status_code=200)
    async def resume_key(
        self, keys: Keys, key_id: FromPath[str], dry_run: DryRun = False
    ) -> KeyRecord | PlannedKeys:
        """Accept a paused Key again."""
        if dry_run:
            return planned.changed([keys.planned(key_id, resumed)])
        return await keys.resume(key_id)

    @post("/keys/{key_id:str}/rotate", opt=needs("team.keys"), status_code=200)
    async def rotate_key(
        self,
        keys: Keys,
        key_id: FromPath[str],
        data: JSONBody[Rotation],
        dry_run: DryRun = False,
    ) -> MadeKey | PlannedKeys:
        """A new secret for a Key. It is in this answer and nowhere else."""
        if dry_run:
            return planned.changed([keys.planned(key_id, rotated(now_ms(), data.overlap_ms))])
        record, secret = await keys.rotate(key_id, overlap_ms=data.overlap_ms)
        return MadeKey(**msgspec.structs.asdict(record), key=secret)

    @post("/keys/revoke-all", opt=needs("team.keys"), status_code=200)
    async def revoke_keys(
        self, keys: Keys, data: JSONBody[AllBut], dry_run: DryRun = False
    ) -> RevokedKeys | PlannedKeys:
        """Revoke every Key except those named."""
        if dry_run:
            others = (key for key in keys.list() if key.id not in data.kept)
            return planned.changed(keys.planned(key.id, revoked(now_ms())) for key in others)
        return RevokedKeys(revoked=await keys.revoke_all(data.kept))

    @delete("/keys/{key_id:str}", opt=needs("team.keys"), status_code=200)
    async def revoke_key(
        self, keys: Keys, key_id: FromPath[str], dry_run: DryRun = False
    ) -> RevokedKey | PlannedKeys:
        """Revoke a Key permanently. It is refused as soon as this is answered."""
        if dry_run:
            return planned.changed([keys.planned(key_id, revoked(now_ms()))])
        record = await keys.revoke(key_id)
        return RevokedKey(deleted=True, revoked_at=record.revoked_at or 0)


async def _page(
    newest_first: Sequence[KeyRecord], sort: str, limit: int, position: int | None
) -> Page[KeyRecord]:
    if sort == NEWEST_FIRST:
        return page_of(newest_first, limit, position)
    order, descending = ORDERS[sort.removeprefix("-")], sort.startswith("-")
    # There may be 100,000 of them.
    return await asyncio.to_thread(
        sorted_page, newest_first, order, limit, position, descending=descending
    )


def _changed(record: KeyRecord, to: ChangedKey) -> KeyRecord:
    if to.name is not UNSET:
        record = replace(record, name=to.name)
    if to.addresses is not UNSET:
        record = replace(record, addresses=networks_of(to.addresses))
    if to.limits is not UNSET:
        record = replace(record, limits=tuple(to.limits))
    if to.lossy is not UNSET:
        record = replace(record, lossy=to.lossy)
    if to.expires_at is not UNSET:
        record = replace(record, expires_at=in_the_future(to.expires_at))
    return record
