"""What is still to be counted, and that it is counted once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.apps import responses
from stockyard.apps.responses.owed import TeamOwed
from stockyard.apps.responses.retention import retention
from stockyard.errors import StockyardError
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    steps = steps_in("responses", responses.APP.migrations)
    database = SqliteDatabase.open(tmp_path / "stockyard.db", steps)
    yield database
    database.close()


async def test_a_thing_is_settled_once_under_all_its_names(database: SqliteDatabase) -> None:
    owed = TeamOwed(database)
    await owed.owe("red", "batch_1")
    await owed.owe("red", "file_1", of="batch_1")
    assert owed.owes("red", "batch_1")
    assert owed.owes("red", "file_1")
    settled = await asyncio.gather(*(owed.settle("red", "file_1") for _ in range(5)))
    assert sorted(settled) == [False] * 4 + [True]
    assert not owed.owes("red", "batch_1")
    assert not await owed.settle("red", "batch_1")


async def test_a_thing_is_owed_from_the_moment_in_which_it_is_told(
    database: SqliteDatabase,
) -> None:
    owed = TeamOwed(database)
    writing, again = owed.owe("red", "batch_1"), owed.owe("red", "batch_1")
    assert owed.owes("red", "batch_1")
    assert not owed.owes("blue", "batch_1")
    settling = owed.settle_parts("red", "batch_1", ["a"])
    _, _, settled = await asyncio.gather(writing, again, settling)
    assert settled == {"a"}
    await owed.settle("red", "batch_1")
    assert not owed.owes("red", "batch_1")


async def test_what_could_not_be_written_is_not_owed(database: SqliteDatabase) -> None:
    owed = TeamOwed(database)
    writing = owed.owe("red", "batch_1")
    database.close()
    with pytest.raises(StockyardError):
        await writing
    assert not owed._unwritten


async def test_what_tells_of_something_that_was_counted_is_not_owed(
    database: SqliteDatabase,
) -> None:
    owed = TeamOwed(database)
    await owed.owe("red", "file_1", of="batch_1")
    assert not owed.owes("red", "file_1")


async def test_teams_owe_for_themselves(database: SqliteDatabase) -> None:
    owed = TeamOwed(database)
    await owed.owe("red", "batch_1")
    assert not owed.owes("blue", "batch_1")
    assert not await owed.settle("blue", "batch_1")
    assert await owed.settle("red", "batch_1")


async def test_a_part_is_settled_once_however_it_comes(database: SqliteDatabase) -> None:
    owed = TeamOwed(database)
    await owed.owe("red", "batch_1")
    assert await owed.settle_parts("red", "batch_1", ["a", "b", "a"]) == {"a", "b"}
    assert await owed.settle_parts("red", "batch_1", ["b", "c" * 5000, ""]) == {"c" * 5000, ""}
    assert await owed.settle_parts("red", "batch_1", []) == set()
    assert owed.owes("red", "batch_1")


async def test_parts_of_what_is_not_owed_are_not_settled(database: SqliteDatabase) -> None:
    owed = TeamOwed(database)
    await owed.owe("red", "batch_1")
    assert await owed.settle_parts("blue", "batch_1", ["a"]) == set()
    assert await owed.settle("red", "batch_1")
    assert await owed.settle_parts("red", "batch_1", ["a"]) == set()


async def test_parts_are_forgotten_when_they_are_old_or_too_many(database: SqliteDatabase) -> None:
    clock = [1000.0]
    owed = TeamOwed(database, now=lambda: clock[0])
    await owed.owe("red", "batch_1")
    for clock[0], part in ((1000.0, "a"), (1001.0, "b"), (1002.0, "c")):
        await owed.settle_parts("red", "batch_1", [part])
    await retention(database, 10, 10, now=lambda: 1003.0, most_parts=2).run()
    assert await owed.settle_parts("red", "batch_1", ["a", "b", "c"]) == {"a"}
    await retention(database, 10, 10, now=lambda: 1011.5).run()
    assert database.read("select part from owed_parts", {}) != []
    await retention(database, 10, 10, now=lambda: 1013.0).run()
    assert database.read("select part from owed_parts", {}) == []


async def test_what_nobody_asks_for_is_forgotten(database: SqliteDatabase) -> None:
    owed = TeamOwed(database, now=lambda: 1000.0)
    await owed.owe("red", "batch_1")
    await retention(database, 10, 10, now=lambda: 1005.0).run()
    assert owed.owes("red", "batch_1")
    await retention(database, 10, 10, now=lambda: 1011.0).run()
    assert not owed.owes("red", "batch_1")


class TestWhatNobodyAsksFor:
    HOUR = 3600.0

    async def test_is_due_after_a_day_the_least_recent_first(
        self, database: SqliteDatabase
    ) -> None:
        now = 100 * 24 * self.HOUR
        owed = TeamOwed(database, lambda: now)
        for name in ("a", "b", "c"):
            await owed.owe("red", name, place=f"/openai/v1/batches/{name}")
            now += self.HOUR
        await owed.owe("red", "elsewhere")
        now += 21 * self.HOUR
        assert await owed.unreported(10) == []
        now += 4 * self.HOUR
        assert [one.id for one in await owed.unreported(10)] == ["a", "b", "c"]
        assert [one.place for one in await owed.unreported(1)] == ["/openai/v1/batches/a"]
        await owed.looked("red", "a")
        assert [one.id for one in await owed.unreported(10)] == ["b", "c"]
        now += 25 * self.HOUR
        assert [one.id for one in await owed.unreported(10)] == ["b", "c", "a"]
        await owed.settle("red", "b")
        assert [one.id for one in await owed.unreported(10)] == ["c", "a"]
        now += 14 * 24 * self.HOUR
        assert await owed.unreported(10) == []

    async def test_a_file_with_results_is_due_after_an_hour(self, database: SqliteDatabase) -> None:
        now = 100 * 24 * self.HOUR
        owed = TeamOwed(database, lambda: now)
        await owed.owe("red", "a", place="/openai/v1/batches/a")
        await owed.owe("red", "file", of="a", place="/openai/files/file/content")
        assert await owed.unreported(10) == []
        now += 1.1 * self.HOUR
        assert [one.id for one in await owed.unreported(10)] == ["file"]
