"""The outermost layer of the control plane: every request passes it first, every answer last.

Ambiguous paths are 404. The caller is identified here; whether it may do what it asks is decided at
the operation. A HEAD is answered like a GET, without the body.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from stockyard.api import problems
from stockyard.api.callrate import CallRate
from stockyard.api.identity import Identities
from stockyard.api.origins import PREFLIGHT, Origins
from stockyard.api.permission import IDENTITY
from stockyard.errors import Refused

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

GIVEN_ID = re.compile(rb"[A-Za-z0-9_-]{8,128}")
AMBIGUOUS = re.compile(
    rb"//|/\.{1,2}(/|\Z)|(?<=.)/\Z|%(2f|5c|2e|25|00)|[\\;]", re.IGNORECASE | re.DOTALL
)
READ_ONLY = "This server can only be read (`server.read_only`): change its config file instead."
SECRET_NAMES = frozenset({"admin_key", "token"})
SECRET_VALUES = ("sk-sy-", "sya-")


class Door:
    """Wraps the whole API."""

    def __init__(
        self,
        inner: ASGIApp,
        identities: Identities,
        config_version: Callable[[], int],
        origins: Origins,
        rate: CallRate,
        *,
        read_only: bool = False,
    ) -> None:
        self._inner = inner
        self._identities = identities
        self._config_version = config_version
        self._origins = origins
        self._rate = rate
        self._read_only = read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request_id = scope["stockyard.request_id"] = request_id_of(scope)
        answer = Answer(send, request_id, self._config_version, head=scope["method"] == "HEAD")
        answer.fields += self._origins.fields(scope["headers"])
        try:
            check_target(scope)
            if scope["method"] == "OPTIONS":
                await self._preflight(scope, answer)
                return
            if scope["method"] == "HEAD":
                # In a copy: the server looks into its own scope for whether a body must follow.
                scope = {**scope, "method": "GET"}
            await self._identify(scope, answer)
            if self._read_only and scope["method"] != "GET":
                raise Refused(403, "forbidden", READ_ONLY)
        except Refused as refused:
            await refuse(answer, problems.of_refusal(refused, request_id))
            return
        await self._inner(scope, receive, answer)

    async def _preflight(self, scope: Scope, answer: "Answer") -> None:
        """Answer a CORS preflight request."""
        if self._origins.of(scope["headers"]) is None:
            raise Refused(405, "method_not_allowed", "No other origin may call this API.")
        answer.fields += PREFLIGHT
        await answer({"type": "http.response.start", "status": 204, "headers": []})
        await answer({"type": "http.response.body", "body": b""})

    async def _identify(self, scope: Scope, answer: "Answer") -> None:
        """Identify the caller. Raises Refused (429) above the rate limit."""
        try:
            identity = scope[IDENTITY] = await self._identities.of(scope)
        except Refused as refused:
            # Kept for the operation: a public one does not care.
            scope[IDENTITY], scope["stockyard.refused"] = None, refused
            return
        if identity is None:
            return
        left = self._rate.take(identity.name)
        answer.fields += left.fields()
        if left.calls < 0:
            raise Refused(
                429, "rate_limited", "Too many calls this minute.", retry_after=left.seconds
            )


class Answer:
    """Adds the headers that every answer carries, and drops the body for HEAD."""

    def __init__(
        self, send: Send, request_id: str, config_version: Callable[[], int], *, head: bool
    ) -> None:
        self._send = send
        self._config_version = config_version
        self._head = head
        self._ended = False
        self.fields = [
            (b"x-request-id", request_id.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # Read now, so that the answer to a change has the version that it made.
            version = (b"x-stockyard-config-version", b"%d" % self._config_version())
            message["headers"] = [*message.get("headers", ()), *self.fields, version]
        elif self._head:
            if self._ended:
                return
            # This also ends streams that never would: the server then reports a disconnect.
            message, self._ended = {"type": "http.response.body", "body": b""}, True
        await self._send(message)


def request_id_of(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    if len(given) == 1 and GIVEN_ID.fullmatch(given[0]):
        return str(given[0], "ascii")
    return "req_" + secrets.token_hex(13)


def check_target(scope: Scope) -> None:
    """Refuse ambiguous paths, and secrets in URLs."""
    path = scope.get("raw_path") or scope["path"].encode()
    # Relative to where the app is mounted.
    ours = path.partition(b"?")[0].removeprefix(scope.get("root_path", "").encode())
    if AMBIGUOUS.search(ours):
        raise Refused(404, "not_found", "Not found.")
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in SECRET_NAMES or value.startswith(SECRET_VALUES):
            raise Refused(
                400,
                "secret_in_url",
                "Send the credential in the Authorization header. Revoke "
                "this one if it was real: URLs are written into logs.",
            )


async def refuse(send: Send, told: problems.Problem) -> None:
    body = msgspec.json.encode(told)
    fields = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in problems.headers_of(told).items()),
    ]
    await send({"type": "http.response.start", "status": told.status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
