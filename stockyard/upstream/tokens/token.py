"""A token, and what gives one out."""

from typing import Protocol

from msgspec import Struct

from stockyard.core.target import Secret


class Token(Struct, frozen=True):
    secret: Secret
    seconds: float
    """How long it holds, counted from when it was asked for."""


class Source(Protocol):
    """Gives out tokens for one Credential."""

    async def fetch(self) -> Token:
        """Raises UpstreamError: `auth` when the Credential is not taken."""
