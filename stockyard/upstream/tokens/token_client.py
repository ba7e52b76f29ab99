"""Send one small request to a token service, with short deadlines, through our own client.

Requests and answers hold secrets, so neither logs nor errors contain any of them: an error has at
most the standard code for what was wrong (RFC 6749, 5.2).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from time import time
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from stockyard.core.target import Secret
from stockyard.errors import ErrorKind, UpstreamError
from stockyard.upstream.client import Client, Fetched
from stockyard.upstream.origin import Origin
from stockyard.upstream.outgoing import Outgoing, Timers, request_head
from stockyard.upstream.tokens.token import Token
from stockyard.upstream.url import parse_url
from stockyard.wire.retry_hints import retry_after

TIMERS = Timers(
    dns_seconds=3,
    connect_seconds=3,
    tls_seconds=3,
    pool_seconds=2,
    write_seconds=5,
    first_byte_seconds=10,
    idle_seconds=5,
    total_seconds=15,
)
WHO = "The provider's token service"
"""Errors do not give its address: callers read them, and it may be an internal one."""
MAX_BODY = 64 * 1024
"""The longest answer. Tokens with many claims have 10 KiB."""
LONGEST_SECONDS = 24 * 3600.0
SHORTEST_SECONDS = 1.0
ASSUMED_SECONDS = 300.0
"""How long a token is used if the answer does not say when it expires."""
NO_QUERY: Mapping[str, str] = {}

Fields = Sequence[tuple[bytes, bytes]]
Word = Callable[[Fetched], str]
"""Finds the standard code for what was wrong in a refusal; empty when there is none. Errors contain
nothing else of it, because descriptions repeat what was sent."""
Answer = TypeVar("Answer")

_WORD = re.compile(r"[a-z_]{1,40}")
_EPOCH = 1_000_000_000.0
_MILLISECONDS = 1_000_000_000_000.0
"""Expiry times above this are in milliseconds."""


def word_of_oauth(fetched: Fetched) -> str:
    """The error code of RFC 6749."""
    refused = _decoded(fetched.body, _Refused)
    word = refused.error if refused is not None else None
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""


def unsigned(outgoing: Outgoing) -> Outgoing:
    return outgoing


class TokenClient:
    """Sends requests to one URL of a token service."""

    def __init__(self, client: Client, origin: Callable[[str], Origin], url: str) -> None:
        """`origin` is called for each request. It raises UpstreamError for a forbidden URL."""
        self._client = client
        self._origin = origin
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    async def form(self, fields: Mapping[str, str], head: Fields = ()) -> Token:
        """POST a form and read the token that comes back."""
        body = urlencode(fields).encode()
        kind = (b"content-type", b"application/x-www-form-urlencoded")
        return await self._token(b"POST", {}, [kind, *head], body)

    async def json(self, value: object, head: Fields = ()) -> Token:
        """POST a value as JSON and read the token that comes back."""
        kind = (b"content-type", b"application/json")
        return await self._token(b"POST", {}, [kind, *head], msgspec.json.encode(value))

    async def get(self, query: Mapping[str, str], head: Fields = ()) -> Token:
        """GET with a query and read the token that comes back."""
        return await self._token(b"GET", query, head, None)

    async def answer(
        self,
        method: bytes,
        head: Fields,
        body: bytes | None = None,
        *,
        query: Mapping[str, str] = NO_QUERY,
        sign: Callable[[Outgoing], Outgoing] = unsigned,
        word: Word = word_of_oauth,
    ) -> bytes:
        """Send a request and return the body of a successful answer. Raises UpstreamError."""
        outgoing = sign(self._outgoing(method, head, body, query))
        try:
            fetched = await self._client.fetch(outgoing, MAX_BODY)
        except UpstreamError as error:
            # Nothing of the call itself was sent, whatever became of this request.
            raise UpstreamError(
                error.kind,
                f"{WHO} gave no token: {error.message}",
                timer=error.timer,
                nothing_sent=True,
            ) from None
        if not 200 <= fetched.status < 300:
            raise _refusal(fetched, word(fetched))
        return fetched.body

    async def _token(
        self, method: bytes, query: Mapping[str, str], head: Fields, body: bytes | None
    ) -> Token:
        wanted = [(b"accept", b"application/json"), *head]
        return _token_in(await self.answer(method, wanted, body, query=query))

    def _outgoing(
        self, method: bytes, head: Fields, body: bytes | None, query: Mapping[str, str]
    ) -> Outgoing:
        origin = self._origin(self._url)
        target = (parse_url(self._url).target or "/") + (f"?{urlencode(query)}" if query else "")
        length = None if body is None else len(body)
        try:
            request = request_head(method, target.encode(), origin.host, head, length)
        except ValueError:
            raise UpstreamError(
                "auth", "The Credential holds a character that cannot be sent.", nothing_sent=True
            ) from None
        return Outgoing(
            origin=origin,
            head=request,
            body=body or b"",
            timers=TIMERS,
            body_limit=MAX_BODY,
            decompress=True,
        )


ClientAt = Callable[[str], TokenClient]
"""Makes a client for a URL."""


class _Granted(Struct):
    access_token: str = ""
    token: str = ""
    accessToken: str = ""
    expires_in: float | None = None
    expires_at: float | None = None
    expireTime: datetime | None = None

    @property
    def secret(self) -> str:
        return self.access_token or self.token or self.accessToken


class _Refused(Struct):
    error: object = None


_KINDS: dict[int, ErrorKind] = {
    408: "timeout",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
}
_KINDS_OF_WORDS: dict[str, ErrorKind] = {
    "IDPCommunicationError": "provider_fault",
    "Throttling": "rate_limited",
    "ThrottlingException": "rate_limited",
    "server_error": "provider_fault",
    "slow_down": "rate_limited",
    "temporarily_unavailable": "overloaded",
}
"""Codes that say more than the status they come with."""


def _refusal(fetched: Fetched, word: str) -> UpstreamError:
    by_status = _KINDS.get(fetched.status, "provider_fault" if fetched.status >= 500 else "auth")
    said = f" ({word})" if word else ""
    return UpstreamError(
        _KINDS_OF_WORDS.get(word, by_status),
        f"{WHO} gave no token for the Credential: {fetched.status}{said}.",
        retry_after=retry_after(fetched.fields, {}, ""),
        nothing_sent=True,
    )


def _token_in(body: bytes) -> Token:
    granted = _decoded(body, _Granted)
    secret = granted.secret if granted is not None else ""
    if granted is None or not secret or not secret.isascii() or not secret.isprintable():
        raise UpstreamError("bad_answer", f"{WHO} answered without a token.", nothing_sent=True)
    return Token(Secret(secret), _seconds(granted))


def _decoded(body: bytes, kind: type[Answer]) -> Answer | None:
    try:
        # Azure sends numbers as strings.
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, RecursionError):
        return None


def _seconds(granted: _Granted) -> float:
    seconds = ASSUMED_SECONDS
    if granted.expires_in is not None:
        seconds = granted.expires_in
    elif granted.expires_at is not None and granted.expires_at > _EPOCH:
        scale = 1000 if granted.expires_at > _MILLISECONDS else 1
        seconds = granted.expires_at / scale - time()
    elif granted.expireTime is not None:
        seconds = granted.expireTime.timestamp() - time()
    return min(max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
