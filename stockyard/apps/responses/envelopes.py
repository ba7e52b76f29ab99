"""Encrypted texts that callers carry for us, bound to the team they were made for.

A summary of a conversation goes to the caller as one piece that only we can read, and comes back
with the next turn. What was changed on the way, or made for somebody else, does not open.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from hashlib import sha256
from time import time_ns
from typing import Any

from stockyard.apps.responses import store
from stockyard.storage.database import Database

PREFIX = "stockyard.sealed.1."
"""Before each envelope. The number names the way it is sealed: AES-256-GCM, the nonce first."""
PSEUDONYMS = b"pseudonyms\0"
"""Context of the key derivation for pseudonyms, as opposed to encryption."""
KEY_BYTES = 32
NONCE_BYTES = 12


class TeamEnvelopes:
    """Fulfils the Port `Envelopes`, with one key for the whole installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    async def prepare(cls, database: Database) -> "TeamEnvelopes":
        """With the key of this installation, which is made when it is missing."""
        key = store.envelope_key(database)
        if key is None:
            fresh, now = secrets.token_bytes(KEY_BYTES), time_ns() // 1_000_000
            key = await database.write(partial(store.insert_envelope_key, secret=fresh, now=now))
        return cls(key)

    def seal(self, team_id: str, text: str) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, text.encode(), team_id.encode())
        return PREFIX + urlsafe_b64encode(nonce + sealed).decode()

    def sealed(self, text: str) -> bool:
        return text.startswith(PREFIX)

    def open(self, team_id: str, sealed: str) -> str | None:
        from cryptography.exceptions import InvalidTag

        try:
            inside = urlsafe_b64decode(sealed.removeprefix(PREFIX))
            nonce, text = inside[:NONCE_BYTES], inside[NONCE_BYTES:]
            return str(self._cipher().decrypt(nonce, text, team_id.encode()), "utf-8")
        except (ValueError, InvalidTag):
            return None

    def pseudonym(self, text: str) -> str:
        """A name for a text, the same for as long as this installation lives. Without our key
        nobody can tell what it stands for, nor try texts out."""
        said = PSEUDONYMS + text.encode("utf-8", "replace")
        return hmac.new(self._key, said, sha256).hexdigest()

    def _cipher(self) -> Any:
        # Imported late: the library is slow to load, and few calls need it.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)
