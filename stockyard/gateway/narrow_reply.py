"""A Reply that tells of a provider's answer only what unified routes tell.

What passes as bytes comes with all header fields that a native route hands on. A client of a
unified route did not ask that provider by name: it hears of fewer of them, and of none that a
browser acts on. Errors it hears in its own dialect, without what providers tell only us; nor is it
told that it must not call, where it is us whom the provider refuses (`wire.md` 10).
"""

import re
from collections.abc import Callable

from stockyard.errors import Refused
from stockyard.gateway.contract import Opening, Reply, Running, Whole
from stockyard.gateway.egress import SHOWN_TYPES, UNIFIED_PASSES
from stockyard.gateway.faults import UPSTREAM
from stockyard.wire.codec import Fields
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.error_shapes import MAX_BODY

_OURS = (b"x-stockyard-", b"ratelimit-")
_KEPT = frozenset(
    {
        b"content-disposition",
        b"retry-after",
        b"x-request-id",
        b"x-should-retry",
        b"x-upstream-request-id",
    }
)
_CALLED = re.compile(rb"(?:^|\n)x-request-id:([^\n]*\n)")
_MORE_TYPES = (b"application/x-jsonl", b"application/jsonl", b"application/octet-stream")


REFUSES_US = frozenset({401, 402, 403})


class Narrowing:
    """An Opening whose answers are told so."""

    def __init__(
        self,
        onward: Opening,
        refused: Callable[[Refused], Whole] | None,
        *,
        named_plainly: bool = False,
    ) -> None:
        """`refused` is None where it is the caller's own secret that a provider may refuse.
        `named_plainly`: the client looks for the name of its call in `request-id`."""
        self._onward = onward
        self._refused = refused
        self._named_plainly = named_plainly
        self.max_body = onward.max_body

    def refuse(self, refusal: Refused) -> Whole:
        return self._onward.refuse(refusal)

    def start(self, reply: Reply, body: bytes) -> Running | None:
        narrow = NarrowReply(reply, self._refused, named_plainly=self._named_plainly)
        return self._onward.start(narrow, body)


class NarrowReply:
    """Stands next to the call: what it begins is the provider's, what it says whole is ours."""

    def __init__(
        self,
        reply: Reply,
        refused: Callable[[Refused], Whole] | None,
        *,
        named_plainly: bool = False,
    ) -> None:
        self._reply = reply
        self._refused = refused
        self._named_plainly = named_plainly
        self._error: _Error | None = None
        """The error that is under way, and is told when it is complete."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, self._narrowed(fields), body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        if status >= 400 and self._refused is not None:
            self._error = _Error(status, fields)
            self._error.add(first)
        else:
            self._reply.begin(status, self._narrowed(fields), first)

    def _narrowed(self, fields: bytes) -> bytes:
        told = narrowed(fields)
        called = _CALLED.search(told) if self._named_plainly else None
        return told if called is None else told + b"request-id:" + called[1]

    def push(self, data: bytes) -> None:
        if self._error is None:
            self._reply.push(data)
        else:
            self._error.add(data)

    def finish(self, last: bytes = b"") -> None:
        if self._error is None or self._refused is None:
            self._reply.finish(last)
            return
        self._error.add(last)
        instead = self._refused(self._error.refusal())
        instead.to(self._reply)

    def cut(self) -> None:
        if self._error is None:
            self._reply.cut()
        else:
            self.finish()


class _Error:
    """An error of a provider, as it comes."""

    def __init__(self, status: int, fields: bytes) -> None:
        self._status = status
        self._fields = fields
        self._body = b""

    def add(self, data: bytes) -> None:
        self._body = (self._body + data)[:MAX_BODY]

    def refusal(self) -> Refused:
        """The same, as an error of the path that was called."""
        status = self._status
        if status in REFUSES_US:
            message = f"The provider refused the secret that we have for it (status {status})."
            return Refused(502, "provider_error", message)
        error = upstream_error(status, _pairs(self._fields), self._body)
        said = UPSTREAM[error.kind]
        # What is asked for here is no model, whatever is not found.
        code = "not_found" if said.status == 404 else said.code
        return Refused(
            said.status, code, error.message, param=error.param, retry_after=error.retry_after
        )


def _pairs(fields: bytes) -> Fields:
    split = (line.partition(b":") for line in fields.split(b"\r\n")[:-1])
    return [(name.lower(), value.strip()) for name, _, value in split]


def narrowed(fields: bytes) -> bytes:
    """A block of header lines without those that stay here."""
    kept: dict[bytes, bytes] = {}
    for line in fields.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name == b"content-type":
            shown = value.lower().startswith((*SHOWN_TYPES, *_MORE_TYPES))
            kept[name] = value if shown else b"application/octet-stream"
        elif name in _KEPT or name.startswith(_OURS):
            kept[name] = value
        elif name in UNIFIED_PASSES:
            kept[UNIFIED_PASSES[name]] = value
    return b"".join(b"%b: %b\r\n" % pair for pair in kept.items())
