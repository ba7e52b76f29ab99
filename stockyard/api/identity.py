"""Who sends a request to the control plane, and what they may do. Without a credential, nothing."""

import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, Protocol

from msgspec import Struct

from stockyard.api.localread import LocalReads
from stockyard.core.caller import Caller
from stockyard.errors import Refused

Scope = MutableMapping[str, Any]
Field = tuple[bytes, bytes]

PUBLIC = "public"
"""The permission of public operations."""
ANY = "any"
"""The permission of operations that any identity may use."""

VIEWER = frozenset(
    {"chute.read", "lookout.read", "brand.read", "tackroom.read", "forge.read"}
    | {"tradingpost.read", "memory.read", "knowledge.read", "apps.read", "platform.read"}
)
LOCAL_READER = VIEWER | {"platform.metrics"}
MARK = "stockyard.identity"
BEARER = re.compile(rb"bearer[ \t]+(\S+)", re.IGNORECASE)


class Identity(Struct, frozen=True, kw_only=True):
    """Who asks."""

    name: str
    """As recorded in configuration versions: `admin`, `env-admin`, `os-user`, `local`, `key:…`."""
    permissions: frozenset[str] = frozenset()
    owner: bool = False
    """May do everything."""
    key_id: str = ""
    """Set for a Key: it may read its own calls, and nothing else."""

    def may(self, permission: str) -> bool:
        return self.owner or permission == ANY or permission in self.permissions


OS_USER = Identity(name="os-user", owner=True)
LOCAL = Identity(name="local", permissions=LOCAL_READER)


class Admin(Protocol):
    """The administrator's credential."""

    identity: str

    def opens(self, secret: bytes) -> bool: ...


class Keys(Protocol):
    """All Keys."""

    def caller_of(self, secret: bytes) -> Caller | None: ...


class Identities:
    """Identifies the sender of a request by its credential and its address."""

    def __init__(
        self,
        admin: Admin,
        keys: Keys,
        local: LocalReads,
        refused: Callable[[str, str], None] = lambda address, why: None,
    ) -> None:
        """`refused` is called for every invalid credential, with its address and the reason."""
        self._admin = admin
        self._keys = keys
        self._local = local
        self._refused = refused

    async def of(self, scope: Scope) -> Identity | None:
        """The identity behind a request, or None. Raises Refused (401) for a wrong credential."""
        marked: Identity | None = scope.get(MARK)
        if marked is not None:
            return marked
        address = (scope.get("client") or ("", 0))[0]
        try:
            secret = secret_in(scope["headers"])
            if secret is not None:
                return self._holder_of(secret, address)
        except Refused as refusal:
            self._refused(address, refusal.code)
            raise
        return LOCAL if await self._local.allow(scope) else None

    def _holder_of(self, secret: bytes, address: str) -> Identity:
        if self._admin.opens(secret):
            return Identity(name=self._admin.identity, owner=True)
        caller = self._keys.caller_of(secret)
        if caller is None:
            raise unauthenticated("This credential is not known here, or it is not good any more.")
        if not caller.may_call_from(address):
            raise Refused(403, "forbidden", "This Key may not be used from this address.")
        return Identity(name=f"key:{caller.key_id}", key_id=caller.key_id)


def secret_in(fields: Iterable[Field]) -> bytes | None:
    """The credential that a request carries. Raises Refused (401) if there are several."""
    given = [(name, value) for name, value in fields if name in (b"authorization", b"x-admin-key")]
    if not given:
        return None
    if len(given) > 1:
        raise unauthenticated("Send one credential, not several.")
    name, value = given[0]
    if name == b"x-admin-key":
        return value
    found = BEARER.fullmatch(value)
    if not found:
        raise unauthenticated("Send the credential as `Authorization: Bearer …`.")
    return found[1]


def unauthenticated(message: str) -> Refused:
    return Refused(401, "unauthenticated", message)


class AsOsUser:
    """The same API for the control socket: who can open it is this machine's user or root.

    The socket's mode (0600, in a folder with 0700) is what keeps others out.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope[MARK] = OS_USER
        await self._app(scope, receive, send)
