"""What is kept beyond a call of `/v1/responses`, for whom, and for how long."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.apps import responses
from stockyard.apps.responses import store
from stockyard.apps.responses.envelopes import TeamEnvelopes
from stockyard.apps.responses.held import (
    ANNOUNCED_SECONDS,
    MOST_ANNOUNCED,
    MOST_TEAMS,
    NEWEST,
    TeamIds,
)
from stockyard.apps.responses.kept import StoredAnswers
from stockyard.apps.responses.retention import retention
from stockyard.core.ports import Held, KeptAnswer
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase

OPENAI = Held("openai", "env:OPENAI_API_KEY")
KEPT = KeptAnswer(b'[{"role":"user"}]', '{"id":"resp_1","text":"\u00fc"}'.encode())


def opened(folder: Path) -> SqliteDatabase:
    steps = steps_in("responses", responses.APP.migrations)
    return SqliteDatabase.open(folder / "stockyard.db", steps)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = opened(tmp_path)
    yield database
    database.close()


async def test_an_id_is_found_at_once_and_after_a_restart(
    tmp_path: Path, database: SqliteDatabase
) -> None:
    ids = TeamIds(database)
    ids.hold("red", "resp_1", OPENAI)
    assert ids.find("red", "resp_1") == OPENAI
    database.close()
    again = opened(tmp_path)
    try:
        assert TeamIds(again).find("red", "resp_1") == OPENAI
    finally:
        again.close()


async def test_the_same_id_may_be_of_two_teams_and_of_two_providers(
    database: SqliteDatabase,
) -> None:
    ids = TeamIds(database)
    ids.hold("red", "resp_1", OPENAI)
    assert ids.find("blue", "resp_1") is None
    ids.hold("blue", "resp_1", Held("azure"))
    assert (ids.find("red", "resp_1"), ids.find("blue", "resp_1")) == (OPENAI, Held("azure"))


@pytest.mark.parametrize("odd", ["", "a/b/c", "a" * 129, "a\nb", "\u00e9"])
async def test_what_no_path_could_name_is_not_remembered(
    database: SqliteDatabase, odd: str
) -> None:
    ids = TeamIds(database)
    ids.hold("red", odd, OPENAI)
    assert ids.find("red", odd) is None


async def test_memory_holds_the_newest_ids_only(database: SqliteDatabase) -> None:
    ids = TeamIds(database)
    for number in range(NEWEST + 5):
        ids.hold("red", f"resp_{number}", OPENAI)
    assert len(ids._newest) == len(ids._holders) == NEWEST
    assert ids.find("red", f"resp_{NEWEST}") == OPENAI


@pytest.mark.parametrize("written", [False, True])
async def test_what_only_another_team_has_is_others(
    database: SqliteDatabase, tmp_path: Path, *, written: bool
) -> None:
    ids = TeamIds(database)
    ids.hold("red", "rs_1", OPENAI)
    ids.hold("red", "rs_both", OPENAI)
    ids.hold("blue", "rs_both", OPENAI)
    if written:
        database.close()
        database = opened(tmp_path)
        ids = TeamIds(database)
    assert ids.is_others("blue", "rs_1")
    assert not ids.is_others("red", "rs_1")
    assert not ids.is_others("blue", "rs_both")
    assert not ids.is_others("blue", "rs_nobody")
    assert not ids.is_others("blue", "a/b/c")
    database.close()


class TestAnnounced:
    """Things whose ids their team alone is told (`HeldIds.announce`)."""

    async def test_each_announcement_claims_one_id_that_nobody_has(
        self, database: SqliteDatabase
    ) -> None:
        ids = TeamIds(database)
        assert ids.claim("red", "files/a") is None
        ids.announce("red", OPENAI)
        assert ids.claim("blue", "files/a") is None
        assert ids.claim("red", "files/a") == OPENAI
        assert ids.find("red", "files/a") == OPENAI
        assert ids.claim("red", "files/b") is None

    @pytest.mark.parametrize("written", [True, False])
    async def test_what_another_team_has_is_not_claimed(
        self, database: SqliteDatabase, tmp_path: Path, *, written: bool
    ) -> None:
        ids = TeamIds(database)
        ids.hold("blue", "files/a", OPENAI)
        if written:
            database.close()
            database = opened(tmp_path)
            ids = TeamIds(database)
        ids.announce("red", OPENAI)
        assert ids.claim("red", "files/a") is None
        assert ids.claim("red", "files/b") == OPENAI
        database.close()

    async def test_an_old_announcement_claims_nothing(self, database: SqliteDatabase) -> None:
        now = 0.0
        ids = TeamIds(database, lambda: now)
        ids.announce("red", OPENAI)
        now = ANNOUNCED_SECONDS + 1
        assert ids.claim("red", "files/a") is None

    async def test_announcements_are_bounded(self, database: SqliteDatabase) -> None:
        ids = TeamIds(database)
        for number in range(MOST_TEAMS + 5):
            ids.announce(f"team {number}", OPENAI)
        for _ in range(MOST_ANNOUNCED + 5):
            ids.announce("red", OPENAI)
        assert len(ids._announced) == MOST_TEAMS
        assert len(ids._announced["red"]) == MOST_ANNOUNCED


async def test_an_answer_is_read_by_its_team_until_it_is_forgotten(
    database: SqliteDatabase,
) -> None:
    answers = StoredAnswers(database)
    await answers.keep("red", "resp_1", KEPT)
    assert answers.find("red", "resp_1") == KEPT
    assert answers.find("blue", "resp_1") is None
    assert not await answers.forget("blue", "resp_1")
    assert await answers.forget("red", "resp_1")
    assert answers.find("red", "resp_1") is None
    assert not await answers.forget("red", "resp_1")


async def test_a_team_that_keeps_too_many_loses_its_oldest(database: SqliteDatabase) -> None:
    clock = iter(range(100))
    answers = StoredAnswers(database, lambda: next(clock), most_per_team=3)
    await answers.keep("blue", "resp_0", KEPT)
    for number in range(5):
        await answers.keep("red", f"resp_{number}", KEPT)
    kept = [number for number in range(5) if answers.find("red", f"resp_{number}")]
    assert kept == [2, 3, 4]
    assert answers.find("blue", "resp_0") == KEPT


async def test_what_is_too_old_goes(database: SqliteDatabase) -> None:
    answers = StoredAnswers(database, lambda: 1_000)
    await answers.keep("red", "resp_1", KEPT)
    row = '[["red","resp_2","openai","",1000000]]'
    await database.write(lambda transaction: transaction.execute(store.HOLD, {"rows": row}))

    await retention(database, 50, 90, now=lambda: 1_049).run()
    assert answers.find("red", "resp_1")
    await retention(database, 50, 90, now=lambda: 1_051).run()
    assert answers.find("red", "resp_1") is None
    assert TeamIds(database).find("red", "resp_2")
    await retention(database, 50, 90, now=lambda: 1_091).run()
    assert TeamIds(database).find("red", "resp_2") is None


async def test_too_many_ids_lose_the_oldest_whatever_their_age(database: SqliteDatabase) -> None:
    rows = ",".join(f'["red","resp_{n}","openai","",{n * 1000}]' for n in range(10))
    await database.write(lambda change: change.execute(store.HOLD, {"rows": f"[{rows}]"}))

    async def left(most: int) -> list[int]:
        await retention(database, 50, 90, now=lambda: 20, most_held=most).run()
        ids = TeamIds(database)
        return [number for number in range(10) if ids.find("red", f"resp_{number}")]

    assert await left(10) == list(range(10))
    assert await left(3) == [7, 8, 9]
    assert await left(3) == [7, 8, 9]


async def test_an_envelope_opens_for_its_team_and_in_no_other_form(
    database: SqliteDatabase,
) -> None:
    envelopes = await TeamEnvelopes.prepare(database)
    sealed = envelopes.seal("red", "They spoke of \u00fcber-things.")
    assert envelopes.sealed(sealed)
    assert "spoke" not in sealed
    assert sealed != envelopes.seal("red", "They spoke of \u00fcber-things.")
    assert envelopes.open("red", sealed) == "They spoke of \u00fcber-things."
    assert envelopes.open("blue", sealed) is None


@pytest.mark.parametrize("cut", [0, 1, 10, 20, 30, -1, -2, -10])
async def test_an_envelope_that_was_changed_does_not_open(
    database: SqliteDatabase, cut: int
) -> None:
    envelopes = await TeamEnvelopes.prepare(database)
    sealed = envelopes.seal("red", "A summary that is long enough.")
    prefix = len(sealed) - len(sealed.rpartition(".")[2])
    at = cut + prefix if cut >= 0 else cut
    other = "A" if sealed[at] not in "AQgw" else "9"
    changed = sealed[:at] + other + (sealed[at + 1 :] if at != -1 else "")
    assert envelopes.open("red", changed) is None
    assert envelopes.open("red", sealed[:-8]) is None
    assert envelopes.open("red", sealed[:prefix]) is None
    assert envelopes.open("red", sealed[:prefix] + "\u00e9\u00e9") is None


async def test_the_key_of_envelopes_survives_and_is_nobody_else_s(
    tmp_path: Path, database: SqliteDatabase
) -> None:
    sealed = (await TeamEnvelopes.prepare(database)).seal("red", "hello")
    assert (await TeamEnvelopes.prepare(database)).open("red", sealed) == "hello"
    (tmp_path / "other").mkdir()
    other = opened(tmp_path / "other")
    try:
        assert (await TeamEnvelopes.prepare(other)).open("red", sealed) is None
    finally:
        other.close()
