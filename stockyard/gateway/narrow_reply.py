"""A Reply that reduces a provider's answer to what unified routes show.

An answer that is relayed as bytes has all header fields that a native route passes on. Clients of
unified routes get fewer of them, and none that a browser acts on. They get errors in their own
dialect, and without details that concern only us: if the provider refuses our Credential, that is
not reported as if the client's Key were refused (`wire.md` 10).
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
    """An Opening whose answers pass through a NarrowReply."""

    def __init__(
        self,
        onward: Opening,
        refused: Callable[[Refused], Whole] | None,
        *,
        named_plainly: bool = False,
    ) -> None:
        """`refused` encodes errors; None if the caller uses its own secret, and so gets the
        provider's. `named_plainly`: the client reads the request id from `request-id`."""
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
    """Wraps the Reply of a relayed call. There `begin` starts a provider's answer, and `whole` is
    an answer of ours."""

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
        """The provider's error that is being received."""

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reply.whole(status, self._narrowed(fields), body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        if status >= 400 and self._refused is not None:
            self._error = _Error(status, fields)
            self._error.add(first)
        else:
            self._reply.begin(status, self._narrowed(fields), first)

    def _narrowed(self, fields: bytes) -> bytes:
        shown = narrowed(fields)
        called = _CALLED.search(shown) if self._named_plainly else None
        return shown if called is None else shown + b"request-id:" + called[1]

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
    """Collects a provider's error."""

    def __init__(self, status: int, fields: bytes) -> None:
        self._status = status
        self._fields = fields
        self._body = b""

    def add(self, data: bytes) -> None:
        self._body = (self._body + data)[:MAX_BODY]

    def refusal(self) -> Refused:
        """The error as a Refused, to be encoded in the client's dialect."""
        status = self._status
        if status in REFUSES_US:
            message = f"The provider refused the secret that we have for it (status {status})."
            return Refused(502, "provider_error", message)
        error = upstream_error(status, _pairs(self._fields), self._body)
        said = UPSTREAM[error.kind]
        # What was not found is a stored thing, not a model.
        code = "not_found" if said.status == 404 else said.code
        return Refused(
            said.status, code, error.message, param=error.param, retry_after=error.retry_after
        )


def _pairs(fields: bytes) -> Fields:
    split = (line.partition(b":") for line in fields.split(b"\r\n")[:-1])
    return [(name.lower(), value.strip()) for name, _, value in split]


def narrowed(fields: bytes) -> bytes:
    """The header lines that unified routes pass on."""
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
