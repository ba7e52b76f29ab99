"""What is still to be counted, and that it is counted once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.apps import responses
from stockyard.apps.responses.owed import TeamOwed
from stockyard.apps.responses.retention import retention
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


async def test_what_nobody_asks_for_is_forgotten(database: SqliteDatabase) -> None:
    owed = TeamOwed(database, now=lambda: 1000.0)
    await owed.owe("red", "batch_1")
    await retention(database, 10, 10, now=lambda: 1005.0).run()
    assert owed.owes("red", "batch_1")
    await retention(database, 10, 10, now=lambda: 1011.0).run()
    assert not owed.owes("red", "batch_1")
