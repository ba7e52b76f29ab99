"""Which web pages of other origins may call the API (CORS): those the operator lists, by exact
name.

Never with cookies, never all of them, and no origin is repeated that is not listed
(`security.md` 10).
"""

from collections.abc import Collection, Iterable

Field = tuple[bytes, bytes]

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
ASKED = (
    b"authorization, content-type, idempotency-key, if-match, last-event-id, x-admin-key, "
    b"x-reason, x-request-id"
)
"""What a page may send."""
TOLD = (
    b"etag, idempotent-replayed, location, ratelimit-limit, ratelimit-remaining, ratelimit-reset, "
    b"retry-after, x-request-id, x-stockyard-config-version"
)
"""What a page may read, besides what every page may."""
REMEMBERED_SECONDS = b"600"


class Origins:
    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(origin.encode() for origin in allowed)

    def of(self, fields: Iterable[Field]) -> bytes | None:
        """The origin of the page that asks, if it may."""
        given = [value for name, value in fields if name == b"origin"]
        return given[0] if len(given) == 1 and given[0] in self._allowed else None

    def fields(self, fields: Iterable[Field]) -> list[Field]:
        """Headers that allow the page to read the answer."""
        if not self._allowed:
            return []
        origin = self.of(fields)
        varies = (b"vary", b"origin")
        if origin is None:
            return [varies]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", TOLD),
            varies,
        ]


PREFLIGHT: tuple[Field, ...] = (
    (b"access-control-allow-methods", METHODS),
    (b"access-control-allow-headers", ASKED),
    (b"access-control-max-age", REMEMBERED_SECONDS),
)
"""Headers of the answer to a preflight request."""
