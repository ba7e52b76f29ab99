"""A Reply that tells of a provider's answer only what unified routes tell.

What passes as bytes comes with all header fields that a native route hands on. A client of a
unified route did not ask that provider by name: it hears of fewer of them, and of none that a
browser acts on. Nor is it told that it must not call, where it is us whom the provider refuses.
"""

from collections.abc import Callable

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.egress import SHOWN_TYPES, UNIFIED_PASSES

_OURS = (b"x-stockyard-", b"ratelimit-")
_KEPT = frozenset({b"content-disposition", b"retry-after", b"x-should-retry"})
_MORE_TYPES = (b"application/x-jsonl", b"application/jsonl", b"application/octet-stream")


REFUSES_US = frozenset({401, 402, 403})


class Narrowing:
    """An Opening whose answers are told so."""

    def __init__(self, onward: Opening, refused: Callable[[Refused], Whole] | None) -> None:
        """`refused` is None where it is the caller's own secret that a provider may refuse."""
        self._onward = onward
        self._refused = refused
        self.max_body = onward.max_body

    def refuse(self, status: int, code: str, message: str) -> Whole:
        return self._onward.refuse(status, code, message)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        return self._onward.start(NarrowReply(reply, self._refused), body)


class NarrowReply:
    """Stands next to the call: what it begins is the provider's, what it says whole is ours."""

    def __init__(self, reply: Reply, refused: Callable[[Refused], Whole] | None) -> None:
        self._reply = reply
        self._refused = refused
        self._instead: Whole | None = None
        """What is said in place of the answer that is under way."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, narrowed(fields), body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        if status in REFUSES_US and self._refused is not None:
            message = f"The provider refused the secret that we have for it (status {status})."
            self._instead = self._refused(Refused(502, "provider_error", message))
        else:
            self._reply.begin(status, narrowed(fields), first)

    def push(self, data: bytes) -> None:
        if self._instead is None:
            self._reply.push(data)

    def finish(self, last: bytes = b"") -> None:
        if self._instead is None:
            self._reply.finish(last)
        else:
            self._reply.whole(self._instead.status, self._instead.fields, self._instead.body)

    def cut(self) -> None:
        if self._instead is None:
            self._reply.cut()
        else:
            self.finish()


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
