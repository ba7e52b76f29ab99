"""Keys as stored and as shown, both without secrets."""

from typing import NamedTuple

from msgspec import Struct

from stockyard.core.allowance import Allowance
from stockyard.core.caller import FIRST_TEAM, Lossy


class KeyRecord(Struct, frozen=True, kw_only=True):
    """A Key: everything about it but its secret."""

    id: str
    name: str
    prefix: str
    last4: str
    team_id: str = FIRST_TEAM
    scopes: tuple[str, ...] = ("call",)
    addresses: tuple[str, ...] = ()
    """The networks it may be used from; empty: any."""
    created_at: int
    created_by: str
    expires_at: int | None = None
    paused_at: int | None = None
    limits: tuple[Allowance, ...] = ()
    lossy: Lossy | None = None
    """What happens when a provider's format cannot express all of a call; None: as in the
    settings."""
    overlap_until: int | None = None
    """Until then the secret from before the last rotation is good as well."""
    revoked_at: int | None = None

    @property
    def opens(self) -> bool:
        """Whether it may be used at all. When it expires is another matter."""
        return self.revoked_at is None and self.paused_at is None


class StoredKey(NamedTuple):
    """A Key with what its secrets are known by."""

    record: KeyRecord
    sha256: bytes
    former: bytes | None = None
    """Of the secret from before the last rotation."""
