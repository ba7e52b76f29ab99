"""Permissions: every operation declares one, and is refused without it."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from stockyard.api.identity import PUBLIC, Identity
from stockyard.errors import Refused

KEY = "permission"
OWN = "own_calls"
IDENTITY = "stockyard.who"


def needs(permission: str, *, own_calls: bool = False) -> dict[str, Any]:
    """The `opt` of an operation: `@get("/x", opt=needs("lookout.read"))`.

    With `own_calls` a Key may ask too; the operation then shows it nothing but its own calls.
    """
    return {KEY: permission, OWN: own_calls}


def permission_of(handler: BaseRouteHandler) -> str:
    permission = handler.opt.get(KEY)
    if not isinstance(permission, str) or not permission:
        raise LookupError(f"{handler} declares no permission.")
    return permission


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Checked on the matched operation, after routing, never on a URL."""
    permission = permission_of(handler)
    if permission == PUBLIC:
        return
    refused = connection.scope.get("stockyard.refused")
    if isinstance(refused, Refused):
        raise refused
    identity: Identity | None = connection.scope.get(IDENTITY)  # type: ignore[assignment]  # a scope has no types
    if identity is None:
        raise Refused(
            401,
            "unauthenticated",
            "Send the admin credential: Authorization: Bearer sya-…, or use the command line "
            "on the server itself.",
        )
    if identity.may(permission) or (identity.key_id and handler.opt.get(OWN)):
        return
    raise Refused(403, "forbidden", f"This needs the permission {permission}.")
