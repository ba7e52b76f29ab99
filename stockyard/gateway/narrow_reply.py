"""A Reply that tells of a provider's header fields only what unified routes tell.

What passes as bytes comes with all fields that a native route hands on. A client of a unified route
did not ask that provider by name: it hears of fewer of them, and of none that a browser acts on.
"""

from stockyard.gateway.contract import Reply
from stockyard.gateway.egress import SHOWN_TYPES, UNIFIED_PASSES

_OURS = (b"x-stockyard-", b"ratelimit-")
_KEPT = frozenset({b"content-disposition", b"retry-after", b"x-should-retry"})
_MORE_TYPES = (b"application/x-jsonl", b"application/jsonl", b"application/octet-stream")


class NarrowReply:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, narrowed(fields), body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._reply.begin(status, narrowed(fields), first)

    def push(self, data: bytes) -> None:
        self._reply.push(data)

    def finish(self, last: bytes = b"") -> None:
        self._reply.finish(last)

    def cut(self) -> None:
        self._reply.cut()


def narrowed(fields: bytes) -> bytes:
    """A block of header lines without those that stay here."""
    kept: dict[bytes, bytes] = {}
    for line in fields.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name == b"x-request-id":
            # Ours comes last, after the provider's of the same name.
            if name in kept:
                kept[b"x-upstream-request-id"] = kept[name]
            kept[name] = value
        elif name == b"content-type":
            shown = value.lower().startswith((*SHOWN_TYPES, *_MORE_TYPES))
            kept[name] = value if shown else b"application/octet-stream"
        elif name in UNIFIED_PASSES:
            kept[UNIFIED_PASSES[name]] = value
        elif name in _KEPT or name.startswith(_OURS):
            kept[name] = value
    return b"".join(b"%b: %b\r\n" % pair for pair in kept.items())
