"""CORS: let web pages of the origins in `http.cors_origins` call models.

Wraps the plane if there is such a list: browsers ask first with OPTIONS, and let a page read an
answer only if it names the page's origin. Origins are compared literally, and cookies are never
allowed (`security.md` 10).
"""

from collections.abc import Callable, Collection
from functools import partial

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Peer, Plane, Reply, Running, Whole
from stockyard.gateway.http import Head, field_lines
from stockyard.gateway.spool import Spooling, spool_of

PREFLIGHT = field_lines(
    [
        (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
        # The star stands for all fields but Authorization.
        (b"access-control-allow-headers", b"authorization, *"),
        (b"access-control-max-age", b"600"),
    ]
)
EXPOSED = field_lines([(b"access-control-expose-headers", b"*")])
"""Lets pages read all header fields of an answer."""


class CrossOrigin:
    """A Plane that also serves pages of these origins."""

    def __init__(
        self, plane: Plane, allowed: Collection[str], exposes: Callable[[], bool] = lambda: True
    ) -> None:
        """`exposes`: whether a page may read all header fields; called for each answer."""
        self._plane = plane
        self._exposes = exposes
        self._shared = {origin.encode(): shared_with(origin.encode()) for origin in allowed}

    @property
    def generation(self) -> int:
        return self._plane.generation

    def open(self, head: Head, peer: Peer) -> Opening | Whole | None:
        found = self._plane.open(head, peer)
        origin = head.field(b"origin") or b""
        if found is None or origin not in self._shared or head.upgrade:
            return found
        fields = partial(self._fields, origin)
        if not isinstance(found, Whole):
            kind = SharedOpening if spool_of(found) is None else SharedUpload
            return kind(found, fields)
        if head.method == "OPTIONS" and found.status == 405:
            return Whole(204, PREFLIGHT + fields(), b"")
        return Whole(found.status, found.fields + fields(), found.body)

    def _fields(self, origin: bytes) -> bytes:
        return self._shared[origin] + (EXPOSED if self._exposes() else b"")


class SharedOpening:
    """An Opening whose answers a page may read."""

    def __init__(self, opening: Opening, shared: Callable[[], bytes]) -> None:
        self._opening = opening
        self._shared = shared

    @property
    def max_body(self) -> int:
        return self._opening.max_body

    def start(self, reply: Reply, body: bytes) -> Running | None:
        return self._opening.start(SharedReply(reply, self._shared()), body)

    def refuse(self, refusal: Refused) -> Whole:
        whole = self._opening.refuse(refusal)
        return Whole(whole.status, whole.fields + self._shared(), whole.body)


class SharedUpload(SharedOpening, Spooling):
    """The same for an Opening whose large bodies wait in a file."""

    def __init__(self, opening: Opening, shared: Callable[[], bytes]) -> None:
        super().__init__(opening, shared)
        spool = spool_of(opening)
        if spool is not None:
            self.spool = spool


class SharedReply:
    def __init__(self, reply: Reply, shared: bytes) -> None:
        self._reply = reply
        self._shared = shared

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, fields + self._shared, body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._reply.begin(status, fields + self._shared, first)

    def push(self, data: bytes) -> None:
        self._reply.push(data)

    def finish(self, last: bytes = b"") -> None:
        self._reply.finish(last)

    def cut(self) -> None:
        self._reply.cut()


def shared_with(origin: bytes) -> bytes:
    """The header fields that let pages of this origin read an answer."""
    return field_lines([(b"access-control-allow-origin", origin), (b"vary", b"origin")])
