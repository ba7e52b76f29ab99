"""What tests of Keys and teams keep them in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.apps import teams
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    steps = steps_in("teams", teams.APP.migrations)
    database = SqliteDatabase.open(tmp_path / "stockyard.db", steps)
    yield database
    database.close()
