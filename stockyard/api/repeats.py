"""Changes that are sent again with the same `Idempotency-Key` happen once (`api.md` 1.6).

The first result is kept for a day, in memory, for the identity and the path that it was made for,
and given again. A refusal changed nothing, so it is not kept: the same change may be tried anew.
"""

import re
from collections.abc import MutableMapping
from hashlib import sha256
from time import monotonic
from typing import Any, NamedTuple

from stockyard.api import problems
from stockyard.api.body import MAX_BODY
from stockyard.api.door import ASGIApp, Message, Receive, Scope, Send, refuse
from stockyard.api.identity import Identity
from stockyard.api.permission import IDENTITY
from stockyard.errors import Refused

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
VALID = re.compile(rb"[\x21-\x7e]{1,255}")
KEPT_SECONDS = 86_400.0
MAX_KEPT = 10_000
MAX_KEPT_BYTES = 16 << 20
MAX_ANSWER = 256 << 10
"""A larger answer is not kept; the largest that a change has is a module with its schema."""


class Asked(NamedTuple):
    """Whose change of what, under which key."""

    who: str
    method: str
    target: bytes
    key: bytes


class Result(NamedTuple):
    """What became of it. Without messages it is still under way."""

    digest: bytes
    until: float
    messages: tuple[Message, ...] = ()

    @property
    def size(self) -> int:
        return sum(len(message.get("body", b"")) for message in self.messages)


class Repeats:
    """Stands around the operations, behind the door that knows who asks."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._results: dict[Asked, Result] = {}
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = asked_for(scope)
        if asked is None:
            await self._inner(scope, receive, send)
            return
        try:
            if VALID.fullmatch(asked.key) is None:
                raise Refused(400, "invalid", "Idempotency-Key: 1 to 255 visible characters.")
            body = await body_of(receive)
            if body is None:
                raise Refused(413, "too_large", "The body is too large.")
            digest = sha256(body).digest()
            known = self._known(asked, digest)
        except Refused as refused:
            await refuse(send, problems.of_refusal(refused, scope["stockyard.request_id"]))
            return
        if known is None:
            await self._first(asked, digest, scope, body, receive, send)
        else:
            for message in repeated(known):
                await send(message)

    def _known(self, asked: Asked, digest: bytes) -> Result | None:
        known = self._results.get(asked)
        if known is None or known.until < monotonic():
            return None
        if known.digest != digest:
            raise Refused(
                422, "idempotency_mismatch", "This Idempotency-Key was sent with another body."
            )
        if not known.messages:
            raise Refused(
                409,
                "idempotency_in_flight",
                "The first request with this Idempotency-Key is still running.",
                retry_after=1,
            )
        return known

    async def _first(
        self,
        asked: Asked,
        digest: bytes,
        scope: Scope,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        answer: list[Message] = []
        self._forget(asked)
        running = self._results[asked] = Result(digest, monotonic() + KEPT_SECONDS)

        async def kept(message: Message) -> None:
            answer.append(dict(message))
            await send(message)

        try:
            await self._inner(scope, once(body, receive), kept)
        finally:
            self._results.pop(asked, None)
            self._keep(asked, running._replace(messages=tuple(answer)))

    def _keep(self, asked: Asked, result: Result) -> None:
        status = result.messages[0]["status"] if result.messages else 0
        if not (200 <= status < 400 or (status >= 500 and status != 503)):
            return
        if result.size > MAX_ANSWER:
            return
        self._results[asked] = result
        self._bytes += result.size
        while len(self._results) > MAX_KEPT or self._bytes > MAX_KEPT_BYTES:
            self._forget(next(iter(self._results)))

    def _forget(self, asked: Asked) -> None:
        result = self._results.pop(asked, None)
        if result is not None:
            self._bytes -= result.size


def asked_for(scope: MutableMapping[str, Any]) -> Asked | None:
    """None for what changes nothing, has no key, or comes from nobody."""
    who: Identity | None = scope.get(IDENTITY)
    if scope["type"] != "http" or scope["method"] not in CHANGES or who is None:
        return None
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not keys:
        return None
    target = scope["path"].encode() + b"?" + scope["query_string"]
    # Two of them are no valid one.
    return Asked(who.name, scope["method"], target, b" ".join(keys))


async def body_of(receive: Receive) -> bytes | None:
    """The whole body; None if it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return bytes(body)


def once(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever else comes."""
    given = False

    async def received() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


def repeated(result: Result) -> list[Message]:
    start, *rest = result.messages
    fields = [*start.get("headers", ()), (b"idempotent-replayed", b"true")]
    return [{**start, "headers": fields}, *(dict(message) for message in rest)]
