"""Keys for AWS, and signing requests with them.

https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from time import time

import msgspec

from stockyard.core.target import Secret
from stockyard.errors import UpstreamError
from stockyard.providers.sigv4 import Scope, SigningKeys, signature_fields
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.prover import signable, with_field
from stockyard.upstream.tokens.token import Token

LONGEST_SECONDS = 24 * 3600.0

_CURABLE = frozenset(
    (
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
    )
)
"""Errors after which new keys may help, or a new signature if our clock was set."""


class AwsKeys(Token, frozen=True):
    """A key and its secret. Temporary keys also have a session token."""

    id: str
    session: str = ""

    def secrets(self) -> Iterator[str]:
        yield self.secret.reveal()
        if self.session:
            yield self.session


class Signed:
    """Authorizer that signs the whole request."""

    def __init__(self, service: str, region: str, now: Callable[[], float] = time) -> None:
        self._scope = Scope(region, service)
        self._now = now

    def authorized(self, outgoing: Outgoing, token: Token) -> Outgoing:
        assert isinstance(token, AwsKeys)  # noqa: S101  its sources give nothing else
        if not self._scope.region:
            raise no_keys("The provider needs the setting `region`.")
        keys = SigningKeys(token.id, token.secret.reveal(), token.session)
        fields = signature_fields(signable(outgoing), keys, self._scope, self._now())
        for name, value in fields:
            outgoing = with_field(outgoing, name, value)
        return outgoing

    def carries(self, outgoing: Outgoing, token: Token) -> bool:
        return isinstance(token, AwsKeys) and b"Credential=%b/" % token.id.encode() in outgoing.head

    def stale(self, status: int, code: str | None) -> bool:
        return status == 403 and code in _CURABLE


class _Issued(msgspec.Struct, rename="pascal"):
    """An answer of a machine's or container's key service."""

    access_key_id: str = ""
    secret_access_key: str = ""
    token: str = ""
    expiration: str = ""


def keys_in(body: bytes, who: str) -> AwsKeys:
    """The keys in an answer of such a service. Raises UpstreamError if there are none."""
    try:
        issued = msgspec.json.decode(body, type=_Issued)
        seconds = seconds_until(issued.expiration)
    except (ValueError, RecursionError):
        raise no_keys(f"{who} answered without keys.") from None
    return usable_keys(issued.access_key_id, issued.secret_access_key, issued.token, seconds, who)


def usable_keys(id: str, secret: str, session: str, seconds: float, who: str) -> AwsKeys:
    """The keys. Raises UpstreamError if they contain what a header cannot."""
    if not id or not secret or not all(_sendable(text) for text in (id, session)):
        raise no_keys(f"{who} has no keys that can be used.")
    return AwsKeys(secret=Secret(secret), seconds=seconds, id=id, session=session)


def no_keys(message: str) -> UpstreamError:
    return UpstreamError("auth", message, nothing_sent=True)


def seconds_until(moment: str) -> float:
    """Seconds until keys expire. Raises ValueError for a text that is no time."""
    if not moment:
        return LONGEST_SECONDS
    ends = datetime.fromisoformat(moment).timestamp()
    return min(max(ends - time(), 1.0), LONGEST_SECONDS)


def _sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
