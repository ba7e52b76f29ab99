"""An LRU cache of answers in memory, bounded in number and size."""

from collections.abc import Callable

from msgspec.structs import replace

from stockyard.core.ports import Stored

OVERHEAD_BYTES = 512
"""What an entry takes besides what it says: its key, its row, its place in the table."""


class MemoryAnswers:
    """Fulfils the Port `answers` for this process."""

    def __init__(self) -> None:
        self._entries: dict[bytes, Stored] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> Stored | None:
        stored = self._entries.pop(key, None)
        if stored is not None:
            self._entries[key] = stored  # now the most recently used
        return stored

    def put(self, key: bytes, stored: Stored, *, max_entries: int, max_bytes: int) -> None:
        self._drop(key)
        self._entries[key] = stored
        self.size_bytes += _size(stored)
        while self._entries and (
            len(self) > max_entries
            or self.size_bytes > max_bytes
            or self._oldest().useless_at <= stored.stored_at
        ):
            self._drop(next(iter(self._entries)))

    def purge(self, goes: Callable[[Stored], bool]) -> int:
        """Remove all that `goes` is true of, and say how many they were."""
        gone = [key for key, stored in self._entries.items() if goes(stored)]
        for key in gone:
            self._drop(key)
        return len(gone)

    def clock_stepped(self, seconds: float) -> None:
        """The clock was set by so many seconds: what is kept is as old as before."""
        for key, stored in self._entries.items():
            self._entries[key] = replace(
                stored,
                stored_at=stored.stored_at + seconds,
                expires_at=stored.expires_at + seconds,
                useless_at=stored.useless_at + seconds,
            )

    def _oldest(self) -> Stored:
        return next(iter(self._entries.values()))

    def _drop(self, key: bytes) -> None:
        stored = self._entries.pop(key, None)
        if stored is not None:
            self.size_bytes -= _size(stored)


def _size(stored: Stored) -> int:
    tags = sum(len(name) + len(value) for name, value in stored.tags)
    return len(stored.value) + len(stored.model) + len(stored.user) + tags + OVERHEAD_BYTES
