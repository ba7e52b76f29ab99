"""Changes, rows and reads while the database is open, and what it does when the disk fails."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import apsw
import pytest

from stockyard.errors import Refused
from stockyard.storage import writer
from stockyard.storage.database import Transaction
from stockyard.storage.rowqueue import RowQueue
from stockyard.storage.sqlite import SqliteDatabase
from tests.storage.databases import STEPS

INSERT = "insert into t select value ->> 0, value ->> 1 from jsonb_each(jsonb(:rows))"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase.open(tmp_path / "stockyard.db", STEPS)
    yield database
    database.close()


def encode(rows: Sequence[object]) -> bytes:
    return json.dumps(rows).encode()


def insert(transaction: Transaction, n: int) -> int:
    transaction.execute("insert into t values (:n, 'x')", {"n": n})
    return n


async def numbers(database: SqliteDatabase) -> list[int]:
    return [row[0] for row in database.read("select n from t order by n")]


async def settled(queue: RowQueue) -> None:
    async with asyncio.timeout(5):
        while queue.counts().queued:  # noqa: ASYNC110  another thread's counter
            await asyncio.sleep(0.005)


async def test_a_change_can_be_read_when_it_is_answered(database: SqliteDatabase) -> None:
    assert await database.write(lambda t: insert(t, 7)) == 7
    assert await numbers(database) == [7]


async def test_changes_made_together_fail_apart(database: SqliteDatabase) -> None:
    def broken(transaction: Transaction) -> None:
        insert(transaction, 100)
        raise Refused(409, "exists", "No.")

    changes = [database.write(lambda t, n=n: insert(t, n)) for n in (1, 2, 2, 3)]  # type: ignore[misc]  # a default keeps the value of this turn
    results = await asyncio.gather(*changes, database.write(broken), return_exceptions=True)
    assert [type(result) for result in results] == [int, int, apsw.ConstraintError, int, Refused]
    assert await numbers(database) == [1, 2, 3]


async def test_rows_are_written_soon_and_counted(database: SqliteDatabase) -> None:
    queue = database.bulk("t", INSERT, encode)
    assert all(queue.put([n, "x"], 10) for n in range(600))
    await settled(queue)
    assert await numbers(database) == list(range(600))
    counts = queue.counts()
    assert (counts.queued, counts.queued_bytes, counts.written, counts.dropped) == (0, 0, 600, 0)


@pytest.mark.parametrize(("rows", "size", "fits"), [(50, 1, 10), (50, 100, 5)])
async def test_a_full_queue_drops_the_newest_and_counts(
    tmp_path: Path, rows: int, size: int, fits: int
) -> None:
    database = SqliteDatabase.open(tmp_path / "stockyard.db", STEPS, queue_rows=10, queue_bytes=500)
    queue = database.bulk("t", INSERT, encode)
    let_go = threading.Event()
    stalled = asyncio.ensure_future(database.write(lambda t: let_go.wait(5)))
    await asyncio.sleep(0.02)
    taken = [n for n in range(rows) if queue.put([n, "x"], size)]
    let_go.set()
    await stalled
    await settled(queue)
    assert taken == list(range(fits)) == await numbers(database)
    counts = queue.counts()
    assert (counts.written, counts.dropped) == (fits, rows - fits)
    database.close()


async def test_closing_writes_what_is_queued(database: SqliteDatabase) -> None:
    queue = database.bulk("t", INSERT, encode)
    for n in range(300):
        queue.put([n, "x"], 10)
    database.close()
    assert queue.counts().written == 300


async def test_a_closed_database_refuses_changes(database: SqliteDatabase) -> None:
    database.close()
    with pytest.raises(Refused) as refused:
        await database.write(lambda t: insert(t, 1))
    assert (refused.value.status, refused.value.code) == (503, "ledger_unavailable")


async def test_too_many_changes_at_once_are_refused(database: SqliteDatabase) -> None:
    let_go = threading.Event()
    stalled = asyncio.ensure_future(database.write(lambda t: let_go.wait(5)))
    await asyncio.sleep(0.02)
    waiting = [asyncio.ensure_future(database.write(lambda t: None)) for _ in range(1100)]
    await asyncio.sleep(0)
    let_go.set()
    await stalled
    results = await asyncio.gather(*waiting, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(refused) == 100
    assert refused[0].detail == {"cause": "backpressure"}


async def test_a_disk_error_fails_its_waiters_and_the_writer_recovers(
    database: SqliteDatabase,
) -> None:
    def disk_fails(transaction: Transaction) -> None:
        raise apsw.IOError("fsync")

    with pytest.raises(Refused) as refused:
        await database.write(disk_fails)
    assert refused.value.detail == {"cause": "writer"}
    await database.write(lambda t: insert(t, 1))
    assert database.writer.state == "ok"
    assert await numbers(database) == [1]


async def test_a_database_that_was_damaged_meanwhile_is_not_written_again(
    database: SqliteDatabase,
) -> None:
    def disk_fails(transaction: Transaction) -> None:
        raise apsw.IOError("fsync")

    await database.write(lambda t: insert(t, 1))
    other = apsw.Connection(str(database.path))
    other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    other.close()
    with database.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (database.path.stat().st_size - 4096))

    with pytest.raises(Refused):
        await database.write(disk_fails)
    for _ in range(100):
        if database.writer.state == "down":
            break
        await asyncio.sleep(0.02)
    with pytest.raises(Refused):
        await database.write(lambda t: insert(t, 2))
    assert database.writer.state == "down"


async def test_a_second_disk_error_refuses_changes_for_a_while(database: SqliteDatabase) -> None:
    def disk_fails(transaction: Transaction) -> None:
        raise apsw.IOError("fsync")

    for _ in range(2):
        with pytest.raises(Refused):
            await database.write(disk_fails)
        await asyncio.sleep(0.05)
    assert database.writer.state == "down"
    with pytest.raises(Refused):
        await database.write(lambda t: insert(t, 1))


async def test_closing_while_the_disk_fails_ends_and_leaves_nobody_waiting(
    database: SqliteDatabase,
) -> None:
    def disk_fails(transaction: Transaction) -> None:
        raise apsw.IOError("fsync")

    queue = database.bulk("t", "insert into nowhere select :rows", encode)
    with pytest.raises(Refused):
        await database.write(disk_fails)
    queue.put([1, "x"], 10)
    waiting = asyncio.ensure_future(database.write(disk_fails))
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    with pytest.raises(Refused):
        await asyncio.wait_for(waiting, 5)
    assert not database.writer._thread.is_alive()


ENDLESS = "with recursive c(n) as (select 1 union all select n + 1 from c) select count(*) from c"


async def test_a_slow_question_does_not_hold_the_loop_and_is_given_up(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.storage.sqlite.SLOW_READ", 0.2)
    await database.write(lambda t: insert(t, 1))
    asked = asyncio.ensure_future(database.read_slowly(ENDLESS))
    turns = 0
    while not asked.done():
        await asyncio.sleep(0.001)
        turns += 1
    with pytest.raises(Refused) as refused:
        asked.result()
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    assert turns > 3
    assert await database.read_slowly("select n from t") == [(1,)]


async def test_only_so_many_slow_questions_wait(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.storage.sqlite.SLOW_READ", 0.2)
    monkeypatch.setattr("stockyard.storage.sqlite.MAX_SLOW_READS", 2)
    asked = [asyncio.ensure_future(database.read_slowly(ENDLESS)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="Too many reports"):
        await database.read_slowly("select 1")
    await asyncio.wait(asked)
    for one in asked:
        one.exception()
    assert await database.read_slowly("select 1") == [(1,)]


async def test_a_row_that_cannot_be_written_is_lost_and_takes_no_other_with_it(
    database: SqliteDatabase,
) -> None:
    queue = database.bulk("t", INSERT, lambda rows: json.dumps(rows, ensure_ascii=False).encode())
    for n, text in enumerate(("a", "\ud800", "c")):
        queue.put([n, text], 10)
    await settled(queue)
    counts = queue.counts()
    assert (counts.written, counts.lost, counts.dropped) == (2, 1, 1)
    assert await numbers(database) == [0, 2]


async def test_readers_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(apsw.ReadOnlyError):
        database.read("insert into t values (1, 'x')")


@pytest.fixture
def _retries_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "RETRY_AFTER", 0.05)


def moved(database: SqliteDatabase, suffix: str) -> None:
    for end in ("", "-wal", "-shm"):
        file = database.path.with_name(database.path.name + end)
        file.rename(file.with_name(file.name + suffix))


@pytest.mark.usefixtures("_retries_soon")
@pytest.mark.parametrize("instead", [None, b"not a database", "another database"])
async def test_nothing_is_acknowledged_when_the_file_is_gone(
    database: SqliteDatabase, instead: bytes | str | None
) -> None:
    await database.write(lambda t: insert(t, 1))
    queue = database.bulk("t", INSERT, encode)
    moved(database, ".away")
    if isinstance(instead, bytes):
        database.path.write_bytes(instead)
    elif instead is not None:
        database.path.touch(0o600)
        SqliteDatabase.open(database.path, STEPS).close()
    before = database.path.read_bytes() if instead is not None else b""

    with pytest.raises(Refused, match="cannot be used"):
        await database.write(lambda t: insert(t, 2))
    queue.put((3, "x"), 10)
    await asyncio.sleep(0.2)

    assert database.writer.state == "down"
    assert (queue.counts().queued, queue.counts().dropped) == (1, 0)
    assert (database.path.read_bytes() if instead is not None else b"") == before


@pytest.mark.usefixtures("_retries_soon")
async def test_a_file_that_is_put_back_is_written_again(database: SqliteDatabase) -> None:
    await database.write(lambda t: insert(t, 1))
    queue = database.bulk("t", INSERT, encode)
    moved(database, ".away")
    with pytest.raises(Refused):
        await database.write(lambda t: insert(t, 2))
    queue.put((3, "x"), 10)
    for file in sorted(database.path.parent.glob("*.away")):
        file.rename(file.with_suffix(""))

    await settled(queue)

    assert await database.write(lambda t: insert(t, 4)) == 4
    assert await numbers(database) == [1, 3, 4]


@pytest.mark.usefixtures("_retries_soon")
async def test_rows_wait_while_somebody_else_has_locked_the_file(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.writer._connection.set_busy_timeout(20)
    queue = database.bulk("t", INSERT, encode)
    other = apsw.Connection(str(database.path))
    other.execute("begin immediate")
    for n in range(50):
        queue.put((n, "x"), 10)
        await asyncio.sleep(0.002)
    assert queue.counts().written == 0
    other.execute("commit")
    other.close()

    await settled(queue)

    assert (queue.counts().written, queue.counts().dropped) == (50, 0)
    assert await numbers(database) == list(range(50))


async def test_a_log_that_a_reader_keeps_long_is_told_once_and_given_back(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_PAGES", 2)
    monkeypatch.setattr(writer, "ALARM_PAGES", 20)
    database.writer._connection.execute("pragma journal_size_limit = 8192")
    log = database.path.with_name(database.path.name + "-wal")
    other = apsw.Connection(str(database.path), flags=apsw.SQLITE_OPEN_READONLY)
    other.execute("begin; select count(*) from t")
    for n in range(40):
        await database.write(partial(insert, n=n))
    grown = log.stat().st_size
    other.execute("commit")
    other.close()
    for n in range(40, 45):
        await database.write(partial(insert, n=n))

    assert caplog.text.count("a reader never ends") == 1
    assert log.stat().st_size < grown // 2
    assert len(await numbers(database)) == 45
