"""What of a client's head goes on to a provider on its native route: all but what it says to us."""

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
"""Fields of the client that never reach a provider on its native path."""
STAYS_PREFIXES = (b"x-stockyard-", b"x-stainless-", b"x-forwarded-", b"proxy-")
STEERING_PREFIXES = (
    b"x-http-method",
    b"x-method-override",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
)
"""Servers take them for another method or path than the one that was judged here."""
SECRET_OF_OURS = re.compile(rb"sk-sy-|\bsya-[\w-]{20}")
"""Clients that were made for another gateway send our Key in fields of that one."""


ONCE = b"idempotency-key"
PARTIAL = frozenset({b"range", b"if-range"})
"""Ask for a piece of what a provider keeps. What was used is told by all of it together."""
MASK_FIELDS = frozenset({b"x-goog-fieldmask"})
MASK_PARAMETERS = frozenset({"fields", "$fields"})
"""Leave out of an answer what they do not name, and so what was used."""
MASKING = frozenset({"header:x-goog-api-key", "query:key", "google", "google_metadata"})
"""How secrets are shown to providers that understand them."""


def kept_query(head: Head, schemes: tuple[str, ...]) -> str:
    """What of a query goes on to a provider to whom secrets are shown in one of these ways."""
    query = paths.kept_query(head.query)
    if not query or MASKING.isdisjoint(schemes):
        return query
    said = query.split("&")
    return "&".join(s for s in said if unquote(s.partition("=")[0]) not in MASK_PARAMETERS)


def apart(fields: list[tuple[bytes, bytes]], caller: Caller) -> list[tuple[bytes, bytes]]:
    """The same, with a key for what is to happen once that no other team can have.

    To the provider all teams are one account, so the same key would get one team the answer to a
    call of another. Those of the first team go on as they came, and those of others as a digest
    with the name of the team. Who shows a secret of its own is alone there.
    """
    if caller.strange or caller.team_id == FIRST_TEAM:
        return fields
    return [(n, _of_team(v, caller) if n == ONCE else v) for n, v in fields]


def _of_team(key: bytes, caller: Caller) -> bytes:
    return sha256(caller.partition.encode() + b"\0" + key).hexdigest().encode()


def kept(
    head: Head, schemes: tuple[str, ...] = (), *, whole: bool = False
) -> list[tuple[bytes, bytes]]:
    """`schemes`: how secrets are shown to the provider. Those of callers stay here. `whole`: no
    piece may be asked for."""
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
