"""Claims of `Idempotency-Key`s in memory, bounded in number and size. A restart forgets them.

When room is needed, the answers that were complete first go first. Claims of running calls are not
taken away.
"""

from collections.abc import Callable
from time import monotonic

from stockyard.core.claim import Claim

MAX_CLAIMS = 10_000
MAX_BYTES = 64 * 1024 * 1024
CLAIM_BYTES = 1024
"""What a Claim takes in memory besides its record."""
MAX_RUNNING_SECONDS = 3600.0
"""A call that takes longer can be made a second time."""


class MemoryClaims:
    """Fulfils the Port `claims`, and is the Shelf of its Claims."""

    def __init__(
        self,
        clock: Callable[[], float] = monotonic,
        *,
        max_claims: int = MAX_CLAIMS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._clock = clock
        self._max_claims = max_claims
        self._max_bytes = max_bytes
        self._running: dict[bytes, Claim] = {}
        self._complete: dict[bytes, Claim] = {}
        """In the order in which they became complete."""
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._running) + len(self._complete)

    def find(self, name: bytes) -> Claim | None:
        claim = self._running.get(name) or self._complete.get(name)
        if claim is None or claim.until > self._clock():
            return claim
        self.release(claim)
        return None

    def add(self, claim: Claim) -> bool:
        """Keep the Claim of a call that begins. False if there is no room."""
        self._release_expired()
        if len(self) >= self._max_claims and not self._drop_oldest():
            return False
        if not self._make_room(CLAIM_BYTES):
            return False
        claim.size_bytes = CLAIM_BYTES
        claim.until = self._clock() + MAX_RUNNING_SECONDS
        self._running[claim.name] = claim
        self.size_bytes += CLAIM_BYTES
        return True

    def has_room_for(self, claim: Claim, more: int) -> bool:
        if self._running.get(claim.name) is not claim or not self._make_room(more):
            return False
        self.size_bytes += more
        return True

    def keep(self, claim: Claim) -> None:
        if self._running.get(claim.name) is claim:
            del self._running[claim.name]
            claim.until = self._clock() + claim.terms.keep_seconds
            self._complete[claim.name] = claim

    def release(self, claim: Claim) -> None:
        for claims in (self._running, self._complete):
            if claims.get(claim.name) is claim:
                del claims[claim.name]
                self.size_bytes -= claim.size_bytes

    def close(self) -> None:
        """The process stops: end the calls that nobody waits for."""
        for claim in tuple(self._running.values()):
            claim.close()

    def _release_expired(self) -> None:
        now = self._clock()
        while self._complete:
            oldest = next(iter(self._complete.values()))
            if oldest.until > now:
                return
            self.release(oldest)

    def _make_room(self, more: int) -> bool:
        while self.size_bytes + more > self._max_bytes:
            if not self._drop_oldest():
                return False
        return True

    def _drop_oldest(self) -> bool:
        if not self._complete:
            return False
        self.release(next(iter(self._complete.values())))
        return True
