"""A disk that fills up, and has room again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.errors import CannotStart, Refused
from stockyard.storage.disk import DiskWatch
from stockyard.storage.migrate import Step
from stockyard.storage.sqlite import SqliteDatabase


class Disk:
    free = 1000

    def __call__(self, folder: Path) -> int:
        return self.free


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    step = Step("t", 1, "0001_t.sql", "create table t (n integer) strict")
    database = SqliteDatabase.open(tmp_path / "stockyard.db", [step])
    yield database
    database.close()


async def test_less_is_written_as_the_disk_fills_and_all_of_it_again_after(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    disk = Disk()
    watch = DiskWatch(tmp_path, warn=900, low=500, floor=100, free_bytes=disk)
    queue = database.bulk("t", "insert into t select 1 where :rows is null", lambda rows: b"[]")
    for disk.free, state, takes_rows, takes_changes in (
        (1000, "ok", True, True),
        (899, "warn", True, True),
        (499, "low", False, True),
        (99, "floor", False, False),
        (499, "low", False, True),
        (1000, "ok", True, True),
    ):
        await watch.check(database)
        assert watch.state == state
        assert queue.put([1], 1) is takes_rows
        if takes_changes:
            await database.write(lambda t: t.execute("insert into t values (1)"))
        else:
            with pytest.raises(Refused) as refused:
                await database.write(lambda t: t.execute("insert into t values (1)"))
            assert refused.value.detail == {"cause": "storage_full"}
        await database.write(lambda t: t.execute("delete from t"), makes_room=True)
    assert queue.counts().dropped == 3


def test_a_full_disk_stops_the_start(tmp_path: Path) -> None:
    disk = Disk()
    watch = DiskWatch(tmp_path, warn=900, low=500, floor=100, free_bytes=disk)
    watch.refuse_full()
    disk.free = 99
    with pytest.raises(CannotStart) as stopped:
        watch.refuse_full()
    assert stopped.value.exit_code == 74


def test_the_real_disk_has_some_room(tmp_path: Path) -> None:
    watch = DiskWatch(tmp_path, warn=1, low=1, floor=1)
    watch.refuse_full()
    assert watch.free > 0
