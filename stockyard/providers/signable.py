"""The parts of a request that signatures are about."""

import hashlib
from typing import NamedTuple

from stockyard.wire.large_body import views_of


class Signable(NamedTuple):
    method: str
    target: str
    """Path and query as they are sent."""
    host: str
    body: bytes

    def digest(self) -> bytes:
        """The SHA-256 of the body."""
        digest = hashlib.sha256()
        for piece in views_of(self.body):
            digest.update(piece)
        return digest.digest()
