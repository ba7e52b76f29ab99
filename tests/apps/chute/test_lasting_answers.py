"""Answers that outlive the process, and what becomes of them when the database does not work."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from stockyard.apps import chute
from stockyard.apps.chute.answers import LastingAnswers
from stockyard.apps.chute.models import Purge
from stockyard.apps.chute.retention import retention
from stockyard.core.ports import Stored
from stockyard.process.background import Background
from stockyard.storage.answers import MemoryAnswers
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase, open_for_reading
from stockyard.testing.yard import Yard, becomes

NOW = 1_000.0
ANSWER = Stored(
    value=b"\x00four\xff",
    stored_at=NOW,
    expires_at=NOW + 60,
    model="m",
    key_id="key_1",
    user="ann",
    tags=(("team", "search"), ("app", "web")),
    useless_at=NOW + 90,
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase.open(
        tmp_path / "stockyard.db", steps_in("chute", chute.APP.migrations)
    )
    yield database
    database.close()


def answers(database: SqliteDatabase, now: float = NOW) -> LastingAnswers:
    """As after a start: nothing is in memory."""
    return LastingAnswers(MemoryAnswers(), database, Background(), lambda: now)


async def settled(background: object) -> None:
    assert isinstance(background, Background)
    assert await becomes(lambda: not len(background))


async def keep(kept: LastingAnswers, *names: str, stored: Stored = ANSWER) -> None:
    for name in names:
        kept.put(name.encode(), stored, max_entries=100, max_bytes=1 << 20)
    await settled(kept._background)


async def test_an_answer_is_there_after_a_restart_as_it_was(database: SqliteDatabase) -> None:
    await keep(answers(database), "q")
    again = answers(database)
    assert again.get(b"q") == ANSWER
    assert len(again.memory) == 1, "the next time it is in memory"
    assert again.get(b"other") is None


async def test_what_is_useless_is_not_recalled(database: SqliteDatabase) -> None:
    await keep(answers(database), "q")
    assert answers(database, NOW + 89).get(b"q") is not None
    assert answers(database, NOW + 90).get(b"q") is None


async def test_a_new_answer_takes_the_place_of_the_old_one(database: SqliteDatabase) -> None:
    kept = answers(database)
    await keep(kept, "q")
    await keep(kept, "q", stored=replace(ANSWER, value=b"five"))
    found = answers(database).get(b"q")
    assert found is not None
    assert (found.value, await kept.count()) == (b"five", 1)


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (Purge(), ""),
        (Purge(model="m"), "b"),
        (Purge(key_id="key_1", user="ann"), "b"),
        (Purge(key_id="key_1", user="bob"), "ab"),
        (Purge(tag=("team", "search")), "b"),
        (Purge(tag=("team", "web")), "ab"),
        (Purge(before=NOW), "ab"),
        (Purge(before=NOW + 1), ""),
    ],
)
async def test_what_is_purged_is_gone_from_memory_and_database(
    database: SqliteDatabase, which: Purge, left: str
) -> None:
    kept = answers(database)
    other = replace(ANSWER, model="n", key_id="key_2", user="bob", tags=())
    await keep(kept, "a")
    await keep(kept, "b", stored=other)
    assert await kept.purge(which) == 2 - len(left)
    for one in (kept, answers(database)):
        assert "".join(name for name in "ab" if one.get(name.encode())) == left


async def test_a_purge_takes_what_was_put_just_before_it(database: SqliteDatabase) -> None:
    kept = answers(database)
    kept.put(b"q", ANSWER, max_entries=9, max_bytes=1 << 20)
    assert await kept.purge(Purge()) == 1
    assert answers(database).get(b"q") is None


async def test_answers_go_when_they_are_useless_or_too_many_or_too_large(
    database: SqliteDatabase,
) -> None:
    kept = answers(database)
    for at in range(10):
        stored = replace(ANSWER, stored_at=NOW + at, useless_at=NOW + 100 + (50 if at % 2 else 0))
        await keep(kept, str(at), stored=stored)

    async def left(now: float, most: int, most_bytes: int = 1 << 20) -> str:
        await retention(database, lambda: most, lambda: now, most_bytes=most_bytes).run()
        again = answers(database)
        return "".join(str(at) for at in range(10) if again.get(str(at).encode()))

    assert await left(NOW, most=10) == "0123456789"
    assert await left(NOW, most=8) == "23456789"
    assert await left(NOW + 100, most=8) == "3579"
    assert await left(NOW + 100, most=8, most_bytes=2 * len(ANSWER.value)) == "79"


async def test_a_database_that_cannot_be_written_leaves_memory(database: SqliteDatabase) -> None:
    kept = answers(database)
    database.writer.disk_full = True
    await keep(kept, "q")
    assert kept.get(b"q") == ANSWER
    assert (kept.unwritten, await kept.count()) == (1, 0)


async def test_a_database_that_cannot_be_read_leaves_memory(database: SqliteDatabase) -> None:
    kept = answers(database)
    await keep(kept, "q")
    database._reader.close()
    database.path.write_bytes(b"\x00" * 4096)
    for suffix in ("-wal", "-shm"):
        database.path.with_name(database.path.name + suffix).unlink()
    database._reader = open_for_reading(database.path)
    assert kept.get(b"q") == ANSWER
    assert answers(database).get(b"q") is None


async def test_only_so_many_wait_to_be_written(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.apps.chute.answers.MOST_WAITING_BYTES", 5)
    kept = answers(database)
    await keep(kept, "q")
    assert (kept.get(b"q"), kept.unwritten, await kept.count()) == (ANSWER, 1, 0)


@pytest.mark.parametrize("durable", [True, False])
async def test_a_call_is_answered_from_store_after_a_restart(tmp_path: Path, durable: bool) -> None:
    key = ""
    for state in ("miss", "hit" if durable else "miss"):
        async with Yard(tmp_path) as yard:
            yard.provider("openai").says("four")
            yard.enable("cache", durable=durable)
            await yard.open()
            key = yard.key = yard.key or key
            heard = await yard.chat("2+2")
            assert (heard.text, heard.headers["x-stockyard-cache"]) == ("four", state)
            assert (await yard.stream("2+2")).headers["x-stockyard-cache"] == "hit"
            await settled(yard.stockyard.background)
            assert await yard.stockyard.answers.count() == int(durable)


async def test_of_many_at_once_some_wait_and_when_they_are_written_others_may(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockyard.apps.chute.answers.MOST_WAITING_BYTES", 3 * len(ANSWER.value))
    kept = answers(database)
    await keep(kept, "a", "b", "c", "d", "e")
    assert (kept.unwritten, await kept.count()) == (2, 3)
    await keep(kept, "d", "e")
    assert (kept.unwritten, await kept.count()) == (2, 5)
