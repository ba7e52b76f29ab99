"""Which parts of a client's head are forwarded on native routes: all that is not meant for us."""

import re
from hashlib import sha256
from urllib.parse import unquote

from stockyard.core.caller import FIRST_TEAM, Caller
from stockyard.gateway.http import Head
from stockyard.providers import paths
from stockyard.providers.auth import shown_in

STAYS = frozenset(
    (
        b"host connection keep-alive proxy-authenticate proxy-authorization proxy-connection te "
        b"trailer transfer-encoding upgrade content-length expect accept-encoding authorization "
        b"x-api-key api-key x-goog-api-key x-admin-key cookie cookie2 forwarded via x-real-ip "
        b"x-amz-date x-amz-security-token x-amz-content-sha256"
    ).split()
)
"""Header fields of the client that are never forwarded on a native route."""
STAYS_PREFIXES = (b"x-stockyard-", b"x-stainless-", b"x-forwarded-", b"proxy-")
STEERING_PREFIXES = (
    b"x-http-method",
    b"x-method-override",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
)
"""Some servers let these fields override method or path, which would bypass our checks."""
SECRET_OF_OURS = re.compile(rb"sk-sy-|\bsya-[\w-]{20}")
"""Clients made for another gateway may send our Key in that gateway's header fields."""


ONCE = b"idempotency-key"
PARTIAL = frozenset({b"range", b"if-range"})
"""Fields that ask for a part of a stored thing. Usage can only be read from the whole."""
MASK_FIELDS = frozenset({b"x-goog-fieldmask"})
MASK_PARAMETERS = frozenset({"fields", "$fields"})
"""Parameters that select fields of the answer, and so may drop its usage."""
MASKING = frozenset({"header:x-goog-api-key", "query:key", "google", "google_metadata"})
"""Authorization schemes of the providers that know such parameters."""


def kept_query(head: Head, schemes: tuple[str, ...]) -> str:
    """The part of a query to forward to a provider with these authorization schemes."""
    query = paths.kept_query(head.query)
    if not query or MASKING.isdisjoint(schemes):
        return query
    said = query.split("&")
    return "&".join(s for s in said if unquote(s.partition("=")[0]) not in MASK_PARAMETERS)


def apart(fields: list[tuple[bytes, bytes]], caller: Caller) -> list[tuple[bytes, bytes]]:
    """Make the Idempotency-Key distinct for each team.

    For the provider all teams are one account, so with the same key one team would get the answer
    to another's call. Keys of the first team are forwarded unchanged, those of others as a digest
    together with the team's name. A caller with its own provider secret has its own account.
    """
    if caller.strange or caller.team_id == FIRST_TEAM:
        return fields
    return [(n, _of_team(v, caller) if n == ONCE else v) for n, v in fields]


def _of_team(key: bytes, caller: Caller) -> bytes:
    return sha256(caller.partition.encode() + b"\0" + key).hexdigest().encode()


def kept(
    head: Head, schemes: tuple[str, ...] = (), *, whole: bool = False
) -> list[tuple[bytes, bytes]]:
    """The header fields to forward. `schemes`: authorization schemes of the provider, whose fields
    are dropped. `whole`: drop fields that ask for a part of the answer."""
    stays = shown_in(schemes) | MASK_FIELDS | (PARTIAL if whole else frozenset())
    named = {token.strip().lower() for token in (head.field(b"connection") or b"").split(b",")}
    return [
        (name, value)
        for name, value in head.fields()
        if name not in STAYS
        and name not in named
        and name not in stays
        and not name.startswith(STAYS_PREFIXES + STEERING_PREFIXES)
        and not SECRET_OF_OURS.search(value)
    ]
