"""The admin credential: from the environment, or generated at the first start and shown once."""

import hmac
from functools import partial
from time import time_ns

from stockyard.apps.teams import store
from stockyard.apps.teams.secret import ADMIN_PREFIX, fingerprint, new_secret
from stockyard.core.target import Secret
from stockyard.storage.database import Database


class AdminCredential:
    """Grants everything on the control plane, and no calls to providers."""

    def __init__(self, sha256: bytes, identity: str) -> None:
        self._sha256 = sha256
        self.identity = identity
        """`env-admin` when the environment gave it, else `admin`."""

    @classmethod
    async def prepare(
        cls, database: Database, given: Secret | None, *, anew: bool = False
    ) -> tuple["AdminCredential", str | None]:
        """The credential, and its text if it was made just now: show it, it is not kept.

        `anew`: one that was made before was never shown.

        The environment's credential stands alone: one that was made before does not open anything
        while it is set.
        """
        if given is not None:
            return cls(fingerprint(given.reveal().encode()), "env-admin"), None
        stored = store.admin_hash(database)
        if stored is not None and not anew:
            return cls(stored, "admin"), None
        secret = new_secret(ADMIN_PREFIX)
        sha256 = fingerprint(secret)
        now = time_ns() // 1_000_000
        await database.write(partial(store.put_admin_hash, sha256=sha256, now=now))
        return cls(sha256, "admin"), secret.decode()

    def opens(self, secret: bytes) -> bool:
        return hmac.compare_digest(fingerprint(secret), self._sha256)
