"""Keys as they are stored and shown. A secret is in neither."""

from msgspec import Struct


class KeyRecord(Struct, frozen=True, kw_only=True):
    """A Key: everything about it but its secret."""

    id: str
    name: str
    prefix: str
    last4: str
    team_id: str = "default"
    scopes: tuple[str, ...] = ("call",)
    created_at: int
    created_by: str
    revoked_at: int | None = None
