"""Changes repeated with the same `Idempotency-Key` happen once (`api.md` 1.6).

A change is claimed on stable storage before it begins, and its result is stored when it ends. If
the process dies in between, the change is not made twice: repeating it is answered that the outcome
is unknown (`reliability.md` 4.8). A refusal changed nothing, so its claim is released and the same
key may be used again.

The first result may hold a secret, such as that of a new Key. It is sealed with what only the asker
has: the `Idempotency-Key` and the credential, of which nothing but hashes is stored.
"""

import hmac
import logging
import re
import secrets
from collections.abc import MutableMapping
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import msgspec

from stockyard.api import problems
from stockyard.api.body import MAX_BODY
from stockyard.api.door import ASGIApp, Message, Receive, Scope, Send, refuse
from stockyard.api.identity import Identity, secret_in
from stockyard.api.permission import IDENTITY
from stockyard.errors import Refused

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
VALID = re.compile(rb"[\x21-\x7e]{1,255}")
MAX_ANSWER = 256 << 10
"""A larger answer is not kept; the largest that a change has is a module with its schema."""
NONCE_BYTES = 12

log = logging.getLogger("stockyard.api")


class KnownChange(Protocol):
    """What is known of a change. `sealed` is None while its end is not known."""

    @property
    def digest(self) -> bytes: ...
    @property
    def sealed(self) -> bytes | None: ...


class Results(Protocol):
    """Where claims and results are kept for a day, over restarts."""

    def find(self, change_id: bytes) -> KnownChange | None: ...

    async def claim(self, change_id: bytes, digest: bytes) -> None:
        """On stable storage when this returns."""

    async def keep(self, change_id: bytes, sealed: bytes) -> None: ...

    async def release(self, change_id: bytes) -> None: ...


class KeyedChange(NamedTuple):
    """A requested change and its idempotency key."""

    who: str
    method: str
    target: bytes
    key: bytes
    credential: bytes

    @property
    def id(self) -> bytes:
        parts = self.who.encode(), self.method.encode(), self.target, self.key
        return sha256(b"\0".join(parts)).digest()

    @property
    def seal(self) -> bytes:
        """The secret that opens the result; it is made anew from each request."""
        return hmac.digest(self.key, b"stockyard.result.1\0" + self.credential, "sha256")


class Result(msgspec.Struct, frozen=True, array_like=True):
    """An answer as it was given."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def of(cls, messages: list[Message]) -> "Result":
        start, *rest = messages
        body = b"".join(message.get("body", b"") for message in rest)
        return cls(start["status"], list(start.get("headers", ())), body)

    def messages(self) -> list[Message]:
        fields = [*self.fields, (b"idempotent-replayed", b"true")]
        return [
            {"type": "http.response.start", "status": self.status, "headers": fields},
            {"type": "http.response.body", "body": self.body},
        ]

    @property
    def acted(self) -> bool:
        """Whether something may have changed: a busy server (503) or a refusal changes nothing."""
        return self.status < 400 or (self.status >= 500 and self.status != 503)


class Repeats:
    """Wraps the operations, inside the Door that identifies the caller."""

    def __init__(self, inner: ASGIApp, results: Results) -> None:
        self._inner = inner
        self._results = results
        self._running: dict[bytes, bytes] = {}
        """The changes that this process is making: id and digest."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            change = keyed_change(scope)
            if change is None:
                await self._inner(scope, receive, send)
                return
            if VALID.fullmatch(change.key) is None:
                raise Refused(400, "invalid", "Idempotency-Key: 1 to 255 visible characters.")
            body = await body_of(receive)
            if body is None:
                raise Refused(413, "too_large", "The body is too large.")
            answer = await self._answer(change, scope, body, receive)
        except Refused as refused:
            await refuse(send, problems.of_refusal(refused, scope["stockyard.request_id"]))
            return
        for message in answer:
            await send(message)

    async def _answer(
        self, change: KeyedChange, scope: Scope, body: bytes, receive: Receive
    ) -> list[Message]:
        digest = hmac.digest(change.key, body, "sha256")
        known = self._known(change, digest)
        if known is not None:
            return known.messages()
        self._running[change.id] = digest
        try:
            await self._results.claim(change.id, digest)
            return await self._first(change, scope, once(body, receive))
        finally:
            del self._running[change.id]

    def _known(self, change: KeyedChange, digest: bytes) -> Result | None:
        running = self._running.get(change.id)
        kept = self._results.find(change.id) if running is None else None
        if running is None and kept is None:
            return None
        if digest != (running or (kept and kept.digest)):
            raise Refused(
                422, "idempotency_mismatch", "This Idempotency-Key was sent with another body."
            )
        if running is not None:
            raise Refused(
                409,
                "idempotency_in_flight",
                "The first request with this Idempotency-Key is still running.",
                retry_after=1,
            )
        result = opened(change, kept.sealed) if kept is not None and kept.sealed else None
        if result is None:
            raise Refused(
                409,
                "idempotency_no_result",
                "The first request with this Idempotency-Key may have acted, and its result was "
                "not kept. See what is there, then use another key.",
            )
        return result

    async def _first(self, change: KeyedChange, scope: Scope, receive: Receive) -> list[Message]:
        """Carry the change out. If this breaks off, the claim stays."""
        answer: list[Message] = []

        async def collect(message: Message) -> None:
            answer.append(dict(message))

        await self._inner(scope, receive, collect)
        result = Result.of(answer)
        try:
            if not result.acted:
                await self._results.release(change.id)
            elif len(result.body) <= MAX_ANSWER:
                await self._results.keep(change.id, sealed(change, result))
        except Refused as refused:
            log.warning("The result of a change could not be kept. %s", refused.message)
        return answer


def sealed(change: KeyedChange, result: Result) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    text = msgspec.msgpack.encode(result)
    return nonce + bytes(cipher(change.seal).encrypt(nonce, text, change.id))


def opened(change: KeyedChange, kept: bytes) -> Result | None:
    """None if it does not decrypt: it belongs to another identity, or to an earlier credential."""
    from cryptography.exceptions import InvalidTag

    nonce, text = kept[:NONCE_BYTES], kept[NONCE_BYTES:]
    try:
        return msgspec.msgpack.decode(
            cipher(change.seal).decrypt(nonce, text, change.id), type=Result
        )
    except InvalidTag:
        return None


def cipher(key: bytes) -> Any:
    # Imported late: the library is slow to load, and few changes are sent with a key.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def keyed_change(scope: MutableMapping[str, Any]) -> KeyedChange | None:
    """None if the request changes nothing, has no key or has no identity."""
    who: Identity | None = scope.get(IDENTITY)
    if scope["type"] != "http" or scope["method"] not in CHANGES or who is None:
        return None
    keys = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not keys:
        return None
    target = scope["path"].encode() + b"?" + scope["query_string"]
    # Two such fields become one invalid key, which is refused.
    key = b" ".join(keys)
    return KeyedChange(who.name, scope["method"], target, key, secret_in(scope["headers"]) or b"")


async def body_of(receive: Receive) -> bytes | None:
    """The whole body; None if it is too large, or the client left before its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
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
