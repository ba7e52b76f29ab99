"""A disk that fills up, and has room again."""

import resource
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from stockyard.errors import CannotStart, Refused
from stockyard.storage.disk import ROOM_SECONDS, DiskWatch
from stockyard.storage.migrate import Step
from stockyard.storage.sqlite import SqliteDatabase
from tests.builders import HandClock


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
    disk, clock = Disk(), HandClock()
    watch = DiskWatch(tmp_path, warn=900, low=500, floor=100, free_bytes=disk, clock=clock.now)
    queue = database.bulk("t", "insert into t select 1 where :rows is null", lambda rows: b"[]")
    for disk.free, state, takes_rows, takes_changes in (
        (1000, "ok", True, True),
        (899, "warn", True, True),
        (499, "low", False, True),
        (99, "floor", False, False),
        (499, "floor", False, False),
        (499, "floor", False, False),
        (499, "low", False, True),
        (1000, "ok", True, True),
    ):
        await watch.check(database)
        clock.advance(ROOM_SECONDS / 2)
        assert watch.state == state
        assert queue.put([1], 1) is takes_rows
        if takes_changes:
            await database.write(lambda t: t.execute("insert into t values (1)"))
        else:
            with pytest.raises(Refused) as refused:
                await database.write(lambda t: t.execute("insert into t values (1)"))
            assert refused.value.detail == {"cause": "storage_full"}
        await database.write(lambda t: t.execute("delete from t"), makes_room=True)
    assert queue.counts().dropped == 5


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


async def test_the_ballast_is_thrown_out_of_a_full_disk_and_taken_in_when_there_is_room(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    disk, clock = Disk(), HandClock()
    watch = DiskWatch(
        tmp_path, warn=900, low=500, floor=100, ballast=200, free_bytes=disk, clock=clock.now
    )
    ballast = tmp_path / "ballast"
    for disk.free, state, lies_there in (
        (450, "low", False),  # it would not fit in
        (1000, "ok", True),
        (150, "low", True),
        (99, "floor", False),
        (299, "floor", False),
        (501, "floor", False),
        (499, "floor", False),  # not for long enough
        (501, "floor", False),
        (501, "floor", False),
        (501, "warn", True),
    ):
        await watch.check(database)
        clock.advance(ROOM_SECONDS / 2)
        assert (watch.state, ballast.exists()) == (state, lies_there)
    assert ballast.stat().st_size == 200
    assert ballast.stat().st_mode & 0o777 == 0o600
    assert ballast.stat().st_blocks > 0


async def test_a_write_that_finds_the_disk_full_is_believed(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """A quota, for one, is not told by the free space."""
    watch = DiskWatch(tmp_path, warn=900, low=500, floor=100, ballast=10, free_bytes=Disk())
    await watch.check(database)
    database.writer._note_failure(apsw.FullError("full"))
    await watch.check(database)
    assert watch.state == "floor"
    assert not (tmp_path / "ballast").exists()
    with pytest.raises(Refused):
        await database.write(lambda t: t.execute("insert into t values (1)"))


async def test_a_folder_that_takes_no_ballast_goes_without(
    database: SqliteDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = DiskWatch(
        tmp_path, warn=9, low=5, floor=1, ballast=1 << 20, free_bytes=lambda _: 1 << 30
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, hard))
    try:
        await watch.check(database)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert watch.state == "ok"
    assert not (tmp_path / "ballast").exists()
    assert "no room for a ballast" in caplog.text
