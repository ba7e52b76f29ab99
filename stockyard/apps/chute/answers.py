"""Keeps cached answers in the database as well as in memory, so that they survive a restart.

Reads try memory first, then the database, whose answers are then kept in memory. If the database
cannot be read or written, answers stay in memory only. Writes happen in the background; how many
may wait is bounded.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from time import time
from typing import Any, Protocol

from stockyard.apps.chute import store
from stockyard.apps.chute.models import Purge
from stockyard.core.ports import Answers, Stored
from stockyard.errors import Refused
from stockyard.storage.database import Database

MOST_WAITING_BYTES = 16 * 1024 * 1024
USUAL_ENTRIES = 10_000
USUAL_BYTES = 64 * 1024 * 1024
"""Bounds of the memory until the first answer is put into it."""


class Memory(Answers, Protocol):
    """The answers in memory."""

    size_bytes: int

    def __len__(self) -> int: ...
    def purge(self, goes: Callable[[Stored], bool]) -> int: ...
    def clock_stepped(self, seconds: float) -> None: ...


class LastingAnswers:
    """Fulfils the Port `lasting_answers`."""

    def __init__(
        self,
        memory: Memory,
        database: Database,
        background: Callable[[Coroutine[Any, Any, None]], None],
        now: Callable[[], float] = time,
    ) -> None:
        self.memory = memory
        self.unwritten = 0
        """Answers that are in memory only, because the database could not take them."""
        self._database = database
        self._background = background
        self._now = now
        self._waiting_bytes = 0
        self._bounds = (USUAL_ENTRIES, USUAL_BYTES)

    def get(self, key: bytes) -> Stored | None:
        return self.memory.get(key) or self._recalled(key)

    def put(self, key: bytes, stored: Stored, *, max_entries: int, max_bytes: int) -> None:
        self._bounds = (max_entries, max_bytes)
        self._remember(key, stored)
        if self._waiting_bytes + len(stored.value) > MOST_WAITING_BYTES:
            self.unwritten += 1
            return
        self._waiting_bytes += len(stored.value)
        self._background(self._write(key, stored))

    async def purge(self, which: Purge) -> int:
        """Throw these away, and say how many there were."""
        await asyncio.sleep(0)  # what was put before is on its way to the database then
        in_memory = self.memory.purge(which.takes)
        purge = partial(store.purge_answers, which=which)
        return max(in_memory, await self._database.write(purge, makes_room=True))

    async def clock_stepped(self, seconds: float) -> None:
        """The clock was set by so many seconds: what is kept is as old as before."""
        self.memory.clock_stepped(seconds)
        await self._database.write(partial(store.move_answers, seconds=seconds))

    async def count(self) -> int:
        """How many the database keeps."""
        return await store.count_answers(self._database)

    def _recalled(self, key: bytes) -> Stored | None:
        try:
            stored = store.answer(self._database, key)
        except Refused:
            return None
        if stored is None or stored.useless_at <= self._now():
            return None
        self._remember(key, stored)
        return stored

    def _remember(self, key: bytes, stored: Stored) -> None:
        max_entries, max_bytes = self._bounds
        self.memory.put(key, stored, max_entries=max_entries, max_bytes=max_bytes)

    async def _write(self, key: bytes, stored: Stored) -> None:
        try:
            await self._database.write(partial(store.keep_answer, key=key, stored=stored))
        except Refused:
            self.unwritten += 1
        finally:
            self._waiting_bytes -= len(stored.value)
