"""A token, and what gives one out."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from stockyard.core.target import Secret
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.prover import with_field


class Token(Struct, frozen=True):
    secret: Secret
    seconds: float
    """How long it holds, counted from when it was asked for."""

    def secrets(self) -> Iterator[str]:
        """What of it must never leave by another way."""
        yield self.secret.reveal()


class Source(Protocol):
    """Gives out tokens for one Credential."""

    async def fetch(self) -> Token:
        """Raises UpstreamError: `auth` when the Credential is not taken."""


class Showing(Protocol):
    """How a token is shown to its provider."""

    def shown(self, outgoing: Outgoing, token: Token) -> Outgoing:
        """The call with what proves that we have the token. Raises UpstreamError if it cannot."""

    def holds(self, outgoing: Outgoing, token: Token) -> bool:
        """Whether this call was proved with this token."""

    def stale(self, status: int, code: str | None) -> bool:
        """Whether a refusal says that a new token may be taken."""


class Bearer:
    """The token as it is, in the field for it."""

    def shown(self, outgoing: Outgoing, token: Token) -> Outgoing:
        return with_field(outgoing, b"authorization", b"Bearer " + _bytes_of(token))

    def holds(self, outgoing: Outgoing, token: Token) -> bool:
        return b"Bearer " + _bytes_of(token) in outgoing.head

    def stale(self, status: int, code: str | None) -> bool:
        return status == 401


def _bytes_of(token: Token) -> bytes:
    return token.secret.reveal().encode("ascii")
