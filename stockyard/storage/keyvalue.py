"""Small shared state that expires, in memory. When full, the least recently used entry is
removed."""

import time
from collections import OrderedDict
from collections.abc import Callable

MAX_ENTRIES = 10_000
MAX_BYTES = 64 << 20
OVERHEAD = 200
"""What an entry costs besides its text, in bytes, roughly."""


class MemoryKeyValue:
    """The KeyValue of a single process."""

    def __init__(
        self,
        *,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._now = now
        self.bytes_used = 0
        self.evicted = 0
        """Entries forgotten before their time, because there was no room."""

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, expires = entry
        if expires <= self._now():
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        self._forget(key)
        size = cost(key, value)
        if ttl_seconds <= 0 or size > self._max_bytes:
            return
        self._entries[key] = value, self._now() + ttl_seconds
        self.bytes_used += size
        self._make_room()

    async def delete(self, key: str) -> None:
        self._forget(key)

    def __len__(self) -> int:
        return len(self._entries)

    def _make_room(self) -> None:
        while len(self._entries) > self._max_entries or self.bytes_used > self._max_bytes:
            self._forget(next(iter(self._entries)))
            self.evicted += 1

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes_used -= cost(key, entry[0])


def cost(key: str, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD
