"""The writer thread: changes in group commits, queued rows in batches.

Changes go first and wait for stable storage: those that are queued together are committed together,
each in its own savepoint, so that one that fails undoes only itself. Rows of a RowQueue are written
in transactions of their own, one statement per batch.

SQLite may report an error of a commit or a checkpoint only once, so nothing is acknowledged after
it until the database was closed, opened and probed again (`reliability.md` 6.3).
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

import apsw

from stockyard.errors import Refused
from stockyard.storage.database import NONE, Parameters, Row, Transaction
from stockyard.storage.rowqueue import BATCH_ROWS, RowQueue

LINGER = 0.05
"""How long the first row of a batch waits for company, in seconds."""
BUSY_LINGER = 0.2
"""How long it waits when BUSY_ROWS have come by then: commits cost more than rows."""
BUSY_ROWS = 64
MAX_CHANGES = 1000
CHECKPOINT_PAGES = 4096
"""16 MiB of write-ahead log."""
ALARM_PAGES = 65_536
"""256 MiB."""
RETRY_AFTER = 5.0
SECOND_FAILURE_WITHIN = 60.0

BROKEN = (apsw.IOError, apsw.FullError, apsw.CorruptError, apsw.NotADBError, apsw.ReadOnlyError)
"""Errors of the disk or the file, as opposed to errors of one statement."""

log = logging.getLogger("stockyard.storage")


class Change:
    """A change that somebody on the loop waits for."""

    def __init__(self, work: Callable[[Transaction], Any], waiter: "asyncio.Future[Any]") -> None:
        self.work = work
        self.waiter = waiter
        self.result: Any = None
        self.error: Exception | None = None

    def settle(self) -> None:
        """Wake the one who waits. On the loop."""
        if self.waiter.done():
            return
        if self.error is not None:
            self.waiter.set_exception(self.error)
        else:
            self.waiter.set_result(self.result)


class Statements:
    """The Transaction that a Change is given."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Parameters = NONE) -> list[Row]:
        return list(self._connection.execute(sql, parameters))


class Savepoint:
    """Undoes one Change that raised and keeps the error for its waiter."""

    def __init__(self, connection: apsw.Connection, change: Change) -> None:
        self._connection = connection
        self._change = change

    def __enter__(self) -> Statements:
        self._connection.execute("savepoint change")
        return Statements(self._connection)

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, BROKEN) or not isinstance(error, Exception | None):
            return False
        if error is not None:
            self._change.error = error
            self._connection.execute("rollback to change")
        self._connection.execute("release change")
        return True


class Writer:
    """The writer thread. `state` is `ok`, `failed` (reopening) or `down` (it keeps failing)."""

    def __init__(
        self,
        open_connection: Callable[[], apsw.Connection],
        probe: Callable[[apsw.Connection], None],
        in_place: Callable[[], bool] = lambda: True,
    ) -> None:
        """`probe` raises apsw.CorruptError for a damaged database; `in_place` tells whether the
        file that was opened is still where it was."""
        self._open = open_connection
        self._probe = probe
        self._in_place = in_place
        self._wal_pages = 0
        self._connection = self._opened()
        self._queues: tuple[RowQueue, ...] = ()
        self._changes: deque[Change] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._failed_at = float("-inf")
        self._log_is_long = False
        self.state: Literal["ok", "failed", "down"] = "ok"
        self.disk_full = False
        """Set by the watch of the disk: then only writes that make room are done."""
        self.found_disk_full = False
        """Set when a write failed because the disk was full. The watch of the disk resets it."""
        self.down_since: float | None = None
        """Since when nothing can be written, on the monotonic clock."""
        self._thread = threading.Thread(target=self._run, name="stockyard-writer", daemon=True)
        self._thread.start()

    def add(self, queue: RowQueue) -> None:
        queue.wake = self._wake.set
        self._queues = (*self._queues, queue)

    def submit(self, change: Change, *, makes_room: bool = False) -> None:
        """Queue a change. Raises Refused (503) when the writer cannot take it."""
        if self._closing or self.state == "down" or not self._thread.is_alive():
            raise unavailable("writer")
        if self.disk_full and not makes_room:
            raise unavailable("storage_full")
        if len(self._changes) >= MAX_CHANGES:
            raise unavailable("backpressure")
        self._changes.append(change)
        self._wake.set()

    @property
    def waiting(self) -> int:
        return len(self._changes)

    def close(self, deadline: float) -> None:
        """Write what is queued, for at most `deadline` seconds, and close the database."""
        self._closing = True
        self._wake.set()
        self._thread.join(deadline)
        for queue in self._queues:
            if len(queue):
                log.warning("%d rows of %s were not written in time.", len(queue), queue.name)

    # Everything below runs in the writer thread.

    def _run(self) -> None:
        while not (self._closing and (self._idle() or self.state == "down")):
            if self._idle():
                self._wake.wait()
            self._wake.clear()
            if not self._changes:
                self._linger()
            if not self._round():
                self._recover()
        self._finish()

    def _idle(self) -> bool:
        return not self._changes and not any(len(queue) for queue in self._queues)

    def _linger(self) -> None:
        """Let a batch of rows grow, unless a change comes or the batch is full."""
        began = time.monotonic()
        linger = LINGER
        while not (self._changes or self._closing):
            most = max((len(queue) for queue in self._queues), default=0)
            if most >= BATCH_ROWS:
                return
            left = began + linger - time.monotonic()
            if left > 0:
                if self._wake.wait(left):
                    self._wake.clear()
            elif linger == LINGER and most >= BUSY_ROWS:
                linger = BUSY_LINGER
            else:
                return

    def _round(self) -> bool:
        """Changes first, then one batch of each queue. False when the database failed."""
        if not self._in_place():
            self._note_failure("its file was removed or replaced")
            return False
        try:
            if self._changes:
                self._commit_changes()
            for queue in self._queues:
                self._commit_rows(queue)
            if self._wal_pages > CHECKPOINT_PAGES:
                self._checkpoint()
        except apsw.Error as error:
            self._note_failure(error)
            return False
        return True

    def _checkpoint(self) -> None:
        """Bring the write-ahead log into the database, as far as its readers allow."""
        pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._wal_pages = 0
        if pages > ALARM_PAGES and not self._log_is_long:
            log.warning("The log of the database has %d MiB: a reader never ends.", pages >> 8)
        self._log_is_long = pages > ALARM_PAGES

    def _commit_changes(self) -> None:
        batch = [self._changes.popleft() for _ in range(min(len(self._changes), BATCH_ROWS))]
        try:
            self._connection.execute("begin immediate")
            for change in batch:
                with Savepoint(self._connection, change) as statements:
                    change.result = change.work(statements)
            self._connection.execute("commit")
        except apsw.Error:
            # The outcome is unknown: the commit may still be found after reopening.
            for change in batch:
                change.error = unavailable("writer")
            raise
        finally:
            settle(batch)

    def _commit_rows(self, queue: RowQueue) -> None:
        if not len(queue):
            return
        self._connection.execute("begin immediate")  # before they are taken: they stay if it fails
        rows, count = queue.take()
        try:
            self._connection.execute(queue.sql, {"rows": rows})
            self._connection.execute("commit")
        except apsw.Error:
            queue.was_lost(count)
            raise
        queue.was_written(count)

    def _note_failure(self, why: object) -> None:
        log.error("The database could not be written (%s). It is opened again.", why)
        self.found_disk_full = self.found_disk_full or isinstance(why, apsw.FullError)
        now = time.monotonic()
        self.state = "down" if now - self._failed_at < SECOND_FAILURE_WITHIN else "failed"
        self._failed_at = now
        if self.down_since is None:
            self.down_since = now

    def _recover(self) -> None:
        """Close, open and probe until it works. Only then is anything acknowledged again."""
        while not self._closing:
            if self.state == "down":
                self._refuse_waiting()
                self._wake.wait(RETRY_AFTER)
                self._wake.clear()
            if self._reopen():
                return
            self.state = "down"

    def _reopen(self) -> bool:
        if not self._in_place():
            # What took its place is not what is known in memory, and is not written to.
            log.error("The file of the database is gone. Put it back, or start again.")
            return False
        try:
            self._connection.close(True)
            self._connection = self._opened()
            self._probe(self._connection)
            # Rewrites into the database what a failed fsync left in doubt.
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except (apsw.Error, OSError) as error:
            log.error("The database cannot be opened again (%s).", error)
            return False
        self.state, self.down_since = "ok", None
        return True

    def _opened(self) -> apsw.Connection:
        connection = self._open()
        self._wal_pages = 0
        connection.set_wal_hook(self._committed)
        return connection

    def _committed(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _refuse_waiting(self) -> None:
        batch = list(self._changes)
        self._changes.clear()
        for change in batch:
            change.error = unavailable("writer")
        settle(batch)

    def _finish(self) -> None:
        self._refuse_waiting()
        try:
            if self.state == "ok":
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._connection.close(True)
        except apsw.Error as error:
            log.error("The database was not closed cleanly (%s).", error)


def settle(batch: list[Change]) -> None:
    """Wake all who wait for this batch with one call into their loop."""
    if not batch:
        return
    try:
        batch[0].waiter.get_loop().call_soon_threadsafe(settle_all, batch)
    except RuntimeError:
        log.debug("Nobody waits for %d changes any more: the loop is closed.", len(batch))


def settle_all(batch: list[Change]) -> None:
    for change in batch:
        change.settle()


def unavailable(cause: str) -> Refused:
    return Refused(
        503,
        "ledger_unavailable",
        "The database cannot be used now. Try again in a few seconds.",
        retry_after=5,
        detail={"cause": cause},
    )
