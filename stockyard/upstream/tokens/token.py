"""A token, where it comes from, and how it gets into a request."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from stockyard.core.target import Secret
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.prover import with_field


class Token(Struct, frozen=True):
    secret: Secret
    seconds: float
    """How long it is valid, counted from when it was requested."""

    def secrets(self) -> Iterator[str]:
        """Its secret parts, which must not appear in logs or answers."""
        yield self.secret.reveal()


class Source(Protocol):
    """Fetches tokens for one Credential."""

    async def fetch(self) -> Token:
        """Raises UpstreamError: `auth` when the Credential is not accepted."""


class Authorizer(Protocol):
    """Adds a token, or a signature made with it, to requests."""

    def authorized(self, outgoing: Outgoing, token: Token) -> Outgoing:
        """The request with the token or signature. Raises UpstreamError if that is impossible."""

    def carries(self, outgoing: Outgoing, token: Token) -> bool:
        """Whether this request was authorized with this token."""

    def stale(self, status: int, code: str | None) -> bool:
        """Whether a refusal means that a new token may be accepted."""


class Bearer:
    """Puts the token itself into the header field `authorization`."""

    def authorized(self, outgoing: Outgoing, token: Token) -> Outgoing:
        return with_field(outgoing, b"authorization", b"Bearer " + _bytes_of(token))

    def carries(self, outgoing: Outgoing, token: Token) -> bool:
        return b"Bearer " + _bytes_of(token) in outgoing.head

    def stale(self, status: int, code: str | None) -> bool:
        return status == 401


def _bytes_of(token: Token) -> bytes:
    return token.secret.reveal().encode("ascii")
