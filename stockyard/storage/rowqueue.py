"""A bounded queue of rows that are written in batches.

The queue is bounded in rows and bytes. When the disk cannot follow, the newest row is dropped and
counted: what was put is always queued, written or dropped.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

BATCH_ROWS = 512
BATCH_BYTES = 1 << 20
UNENCODABLE = (TypeError, ValueError, AttributeError, LookupError, OverflowError, RecursionError)
"""What a row that holds something odd may raise. It must not end the writer."""

log = logging.getLogger("stockyard.storage")


class Counts(Struct):
    """How a RowQueue is doing. Everything that was put is queued, written or dropped."""

    queued: int = 0
    queued_bytes: int = 0
    written: int = 0
    dropped: int = 0
    lost: int = 0
    """Of those dropped: what a write that failed took with it."""


class RowQueue:
    """Rows of one kind that wait to be written. Full means the newest is dropped and counted."""

    def __init__(
        self,
        name: str,
        sql: str,
        encode: Callable[[Sequence[Any]], bytes],
        *,
        max_rows: int,
        max_bytes: int,
    ) -> None:
        self.name = name
        self.sql = sql
        self.encode = encode
        self.wake: Callable[[], None] = nothing
        """Tells the writer; called for the first row of a batch and when a batch is full."""
        self._rows: deque[tuple[object, int]] = deque()
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        # Each counter has one thread that writes it, so no lock is needed.
        self._bytes_in = 0
        self._bytes_out = 0
        self._accepted = 0
        self._refused = 0
        self._lost = 0
        self._written = 0
        self.paused = False
        """Drop everything: the disk is nearly full."""

    def put(self, row: object, size: int) -> bool:
        rows = self._rows
        if (
            len(rows) >= self._max_rows
            or self._bytes_in - self._bytes_out + size > self._max_bytes
            or self.paused
        ):
            self._refused += 1
            return False
        self._accepted += 1
        self._bytes_in += size
        rows.append((row, size))
        if len(rows) == 1 or len(rows) == BATCH_ROWS:
            self.wake()
        return True

    def counts(self) -> Counts:
        return Counts(
            queued=self._accepted - self._written - self._lost,
            queued_bytes=self._bytes_in - self._bytes_out,
            written=self._written,
            dropped=self._refused + self._lost,
            lost=self._lost,
        )

    def __len__(self) -> int:
        return len(self._rows)

    # The rest is called by the writer thread only.

    def take(self) -> tuple[str, int]:
        """The oldest rows, as many as one batch may have: their JSON and how many they are."""
        batch: list[object] = []
        total = 0
        while self._rows and len(batch) < BATCH_ROWS and total < BATCH_BYTES:
            row, size = self._rows.popleft()
            batch.append(row)
            total += size
        self._bytes_out += total
        if not batch:
            return "[]", 0
        try:
            return self.encode(batch).decode(), len(batch)
        except UNENCODABLE:
            good = [row for row in batch if self._can_encode(row)]
            self._lost += len(batch) - len(good)
            return self.encode(good).decode(), len(good)

    def _can_encode(self, row: object) -> bool:
        try:
            self.encode((row,))
        except UNENCODABLE as error:
            log.error("A row of %s cannot be written: %s", self.name, type(error).__name__)
            return False
        return True

    def was_written(self, count: int) -> None:
        self._written += count

    def was_lost(self, count: int) -> None:
        self._lost += count


def nothing() -> None:
    """No writer has taken this queue yet."""
