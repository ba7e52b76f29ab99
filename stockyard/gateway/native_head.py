"""What of a client's head goes on to a provider on its native route: all but what it says to us."""

import re

from stockyard.gateway.http import Head
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


def kept(head: Head, schemes: tuple[str, ...] = ()) -> list[tuple[bytes, bytes]]:
    """`schemes`: how secrets are shown to the provider. Those of callers stay here."""
    shown = shown_in(schemes)
    named = {token.strip().lower() for token in (head.field(b"connection") or b"").split(b",")}
    return [
        (name, value)
        for name, value in head.fields()
        if name not in STAYS
        and name not in named
        and name not in shown
        and not name.startswith(STAYS_PREFIXES + STEERING_PREFIXES)
        and not SECRET_OF_OURS.search(value)
    ]
