"""The embedded database: one SQLite file, one writer thread, reads on the loop.

Only the writer's connection can write. Reads from the loop never wait for a lock (WAL), and slow
ones run on a small pool of threads with a deadline.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from stockyard.errors import CannotStart, Refused
from stockyard.storage.database import NONE, Parameters, Row, Transaction
from stockyard.storage.datafolder import private_file
from stockyard.storage.migrate import Step, migrate
from stockyard.storage.rowqueue import RowQueue
from stockyard.storage.writer import Change, Writer, unavailable

T = TypeVar("T")

OLDEST_SQLITE = (3, 53)
"""Older releases can damage a database when the write-ahead log is reset."""
SLOW_READERS = 4
SLOW_READ = 5.0
MAX_SLOW_READS = 100
BUSY_MS = 5000
PROBE = 0.1
"""Seconds that the integrity probe at start may take."""
KEPT_LOG = 64 << 20
"""Bytes of the write-ahead log that are kept: a reader that never ends may have made it long."""
STEPS_BETWEEN_CHECKS = 10_000
UNREADABLE = (
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.BusyError,
)
"""Errors of the disk or the file, as opposed to errors of one question."""

log = logging.getLogger("stockyard.storage")


class SqliteDatabase:
    """Facts in one file. Made by `open`, which leaves a checked and migrated database."""

    def __init__(self, path: Path, *, queue_rows: int, queue_bytes: int) -> None:
        self.path = path
        self._queue_rows = queue_rows
        self._queue_bytes = queue_bytes
        self._file = identity(path)
        self.writer = Writer(lambda: open_for_writing(path), probe, self._in_place)
        self._reader = open_for_reading(path)
        self._slow = ThreadPoolExecutor(SLOW_READERS, "stockyard-reader")
        self._slow_waiting = 0
        self._readers = threading.local()
        self.queues: dict[str, RowQueue] = {}

    @classmethod
    def open(
        cls,
        path: Path,
        steps: Sequence[Step],
        *,
        queue_rows: int = 10_000,
        queue_bytes: int = 32 << 20,
    ) -> "SqliteDatabase":
        """Raises CannotStart: 65 damaged or newer, 70 failed upgrade, 73/77 cannot be opened."""
        if version_of(apsw.sqlite_lib_version()) < OLDEST_SQLITE:
            raise CannotStart(70, "SQLite 3.53 or newer is needed.")
        for suffix in ("", "-wal", "-shm"):
            file = path.with_name(path.name + suffix)
            if not suffix or file.exists():
                private_file(file)
        try:
            connection = open_for_writing(path)
            probe(connection)
            migrate(connection, steps)
            connection.close()
        except (apsw.NotADBError, apsw.CorruptError) as error:
            raise CannotStart(
                65, f"The database {path} is damaged ({error}). Restore a backup."
            ) from None
        except (apsw.IOError, apsw.FullError) as error:
            raise CannotStart(74, f"The database {path} cannot be used: {error}.") from None
        except (apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise CannotStart(77, f"The database {path} cannot be opened: {error}.") from None
        return cls(path, queue_rows=queue_rows, queue_bytes=queue_bytes)

    def read(self, sql: str, parameters: Parameters = NONE) -> list[Row]:
        try:
            return list(self._reader.execute(sql, parameters))
        except UNREADABLE as error:
            log.error("The database cannot be read (%s).", error)
            raise unavailable("database") from None

    async def read_slowly(self, sql: str, parameters: Parameters = NONE) -> list[Row]:
        if self._slow_waiting >= MAX_SLOW_READS:
            raise too_slow("Too many reports are being made now. Try again in a few seconds.")
        self._slow_waiting += 1
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._slow, self._read_here, sql, parameters)
        finally:
            self._slow_waiting -= 1

    async def write(self, work: Callable[[Transaction], T], *, makes_room: bool = False) -> T:
        change = Change(work, asyncio.get_running_loop().create_future())
        self.writer.submit(change, makes_room=makes_room)
        result: T = await change.waiter
        return result

    def bulk(self, name: str, sql: str, encode: Callable[[Sequence[Any]], bytes]) -> RowQueue:
        queue = RowQueue(name, sql, encode, max_rows=self._queue_rows, max_bytes=self._queue_bytes)
        self.queues[name] = queue
        self.writer.add(queue)
        return queue

    def close(self, deadline: float = 2.0) -> None:
        """Write what is queued, for at most `deadline` seconds, and close."""
        self._slow.shutdown(wait=False, cancel_futures=True)
        self._reader.close()
        self.writer.close(deadline)

    def _in_place(self) -> bool:
        """Whether the file at our path is the one that was opened. One stat, in any thread."""
        return identity(self.path) == self._file

    def _read_here(self, sql: str, parameters: Parameters) -> list[Row]:
        """In a thread of the pool, on that thread's own connection."""
        connection: apsw.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._readers.connection = open_for_reading(self.path)
        ends = time.monotonic() + SLOW_READ
        connection.set_progress_handler(lambda: time.monotonic() > ends, STEPS_BETWEEN_CHECKS)
        try:
            return list(connection.execute(sql, parameters))
        except apsw.InterruptError:
            raise too_slow("This question takes too long. Ask about a shorter time.") from None


def identity(path: Path) -> tuple[int, int] | None:
    """Device and number of a file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def version_of(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def open_for_writing(path: Path) -> apsw.Connection:
    connection = apsw.Connection(
        str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW
    )
    connection.set_busy_timeout(BUSY_MS)
    connection.execute(
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; "
        "pragma mmap_size = 0; pragma fullfsync = on; pragma checkpoint_fullfsync = on; "
        "pragma wal_autocheckpoint = 0; pragma trusted_schema = off; "
        f"pragma journal_size_limit = {KEPT_LOG}"
    )
    return connection


def open_for_reading(path: Path) -> apsw.Connection:
    connection = apsw.Connection(
        str(path), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOFOLLOW
    )
    connection.set_busy_timeout(0)
    connection.execute("pragma mmap_size = 0; pragma trusted_schema = off")
    return connection


def probe(connection: apsw.Connection) -> None:
    """Look for damage for a bounded time. Raises apsw.CorruptError."""
    ends = time.monotonic() + PROBE
    connection.set_progress_handler(lambda: time.monotonic() > ends, STEPS_BETWEEN_CHECKS)
    try:
        found = list(connection.execute("pragma quick_check(1)"))
    except apsw.InterruptError:
        return  # A large database: what could be checked in time is sound.
    finally:
        connection.set_progress_handler(None)
    if found != [("ok",)]:
        raise apsw.CorruptError(str(found[0][0]))


def too_slow(message: str) -> Refused:
    return Refused(503, "overloaded", message, retry_after=5)
