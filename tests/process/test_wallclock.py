"""A clock that is set changes no duration, no limit and no order."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stockyard.apps import repeats, teams
from stockyard.apps.repeats.results import StoredResults, clock_stepped
from stockyard.apps.teams import keys
from stockyard.apps.teams.keys import KeyRing
from stockyard.core.signals import ClockStepped, Signal
from stockyard.errors import CannotStart
from stockyard.overview import Overview
from stockyard.process.wallclock import BELIEVED_SECONDS, WallClock, refuse_wrong_clock
from stockyard.storage.migrate import steps_in
from stockyard.storage.sqlite import SqliteDatabase
from stockyard.testing.yard import Yard, becomes

HOUR = 3600.0
YEAR = 365 * 86_400.0


def test_a_clock_that_was_never_set_stops_the_start() -> None:
    refuse_wrong_clock()
    with pytest.raises(CannotStart, match="1970-01-01") as refused:
        refuse_wrong_clock(0.0)
    assert refused.value.exit_code == 78


class Clocks:
    """A wall clock that may be set, and one that only runs."""

    def __init__(self) -> None:
        self.wall, self.running = 1_800_000_000.0, 500.0
        self.signals: list[Signal] = []
        self.clock = WallClock(
            self.signals.append, wall=lambda: self.wall, running=lambda: self.running
        )

    def pass_by(self, seconds: float, *, at_speed: float = 1.0) -> None:
        for _ in range(int(seconds)):
            self.wall += at_speed
            self.running += 1
            self.clock.look()

    def set_by(self, seconds: float) -> None:
        self.wall += seconds
        self.clock.look()


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (YEAR, [ClockStepped(int(YEAR) * 1000)]),
        (-YEAR, [ClockStepped(-int(YEAR) * 1000)]),
        (1.5, [ClockStepped(1500)]),
        (-1.5, [ClockStepped(-1500)]),
        (0.9, []),
        (-0.9, []),
    ],
)
def test_a_step_of_more_than_a_second_is_announced(step: float, told: list[Signal]) -> None:
    clocks = Clocks()
    clocks.pass_by(10)
    clocks.set_by(step)
    clocks.pass_by(10)
    assert clocks.signals == told
    assert clocks.clock.steps == len(told)


def test_a_clock_that_is_made_to_run_faster_is_not_set() -> None:
    clocks = Clocks()
    clocks.pass_by(1000, at_speed=1.01)
    assert clocks.signals == []


def test_a_process_that_is_held_up_between_two_looks_sees_no_step() -> None:
    clocks = Clocks()
    held_up = iter([5.0, 0.0])

    def wall() -> float:
        clocks.running += (late := next(held_up, 0.0))
        clocks.wall += late
        return clocks.wall - late  # read before it was held up

    clocks.clock._wall = wall
    clocks.clock.look()
    assert clocks.signals == []


def test_a_step_back_counts_at_once_for_what_is_deleted_and_one_forward_after_a_day() -> None:
    clocks = Clocks()
    began = clocks.wall
    clocks.set_by(YEAR)
    clocks.set_by(HOUR)
    assert clocks.clock.to_delete_by() == began
    clocks.set_by(-YEAR)
    assert clocks.clock.to_delete_by() == began
    clocks.set_by(-2 * HOUR)
    assert clocks.clock.to_delete_by() == clocks.wall == began - HOUR
    clocks.set_by(YEAR)
    clocks.running += BELIEVED_SECONDS
    clocks.wall += BELIEVED_SECONDS
    assert clocks.clock.to_delete_by() == clocks.wall


class Set:
    """The clock by which Keys end."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def time_ns(self) -> int:
        return self.ms * 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Set:
    at = Set()
    monkeypatch.setattr(keys, "time_ns", at.time_ns)
    return at


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    steps = [step for app in (teams.APP, repeats.APP) for step in steps_in(app.id, app.migrations)]
    database = SqliteDatabase.open(tmp_path / "stockyard.db", steps)
    yield database
    database.close()


async def test_a_dated_key_ends_by_the_clock_as_it_is_now(
    database: SqliteDatabase, clock: Set
) -> None:
    ring = KeyRing(database)
    _, secret = await ring.create("a", expires_at=clock.ms + 60_000)
    clock.ms += 3_600_000
    ring.lapse()
    assert ring.caller_of(secret.encode()) is None

    clock.ms -= 3_600_000
    before = ring.generation
    await ring.clock_stepped(-3_600_000)

    assert ring.caller_of(secret.encode()) is not None
    assert ring.generation > before
    clock.ms += 60_000
    assert ring.caller_of(secret.encode()) is None


@pytest.mark.parametrize("step", [3_600_000, -3_600_000])
async def test_a_former_secret_is_good_for_as_long_as_it_was_to_be(
    database: SqliteDatabase, clock: Set, step: int
) -> None:
    ring = KeyRing(database)
    record, former = await ring.create("a")
    _, secret = await ring.rotate(record.id, overlap_ms=60_000)
    clock.ms += 20_000
    clock.ms += step
    ring.lapse()
    await ring.clock_stepped(step)

    for keyring in (ring, KeyRing(database)):
        clock.ms += 39_000
        assert keyring.caller_of(former.encode()) is not None
        clock.ms += 1_000
        assert keyring.caller_of(former.encode()) is None
        assert keyring.caller_of(secret.encode()) is not None
        clock.ms -= 40_000


async def test_a_former_secret_whose_time_is_over_does_not_come_back(
    database: SqliteDatabase, clock: Set
) -> None:
    ring = KeyRing(database)
    record, former = await ring.create("a")
    await ring.rotate(record.id, overlap_ms=60_000)
    clock.ms += 60_000
    ring.lapse()
    clock.ms -= 3_600_000
    await ring.clock_stepped(-3_600_000)
    assert ring.caller_of(former.encode()) is None
    assert KeyRing(database).caller_of(former.encode()) is None


@pytest.mark.parametrize("step", [90_000_000, -90_000_000])
async def test_what_came_of_a_change_is_kept_for_a_day(database: SqliteDatabase, step: int) -> None:
    now = 1_800_000_000_000
    results = StoredResults(database, lambda: now)
    await results.claim(b"1", b"digest")
    now += 80_000_000 + step
    await clock_stepped(database, step)
    assert results.find(b"1") is not None
    now += 6_400_000
    assert results.find(b"1") is None


async def test_kept_answers_and_keys_hear_of_a_step(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.enable("cache")
    assert (await yard.chat("hi", temperature=0)).status == 200
    rotated = yard.stockyard.keys
    [record] = rotated.list()
    await rotated.rotate(record.id, overlap_ms=600_000)
    until = rotated.get(record.id).overlap_until
    assert until is not None

    yard.stockyard.signals.announce(ClockStepped(-30_000))
    assert await becomes(lambda: not len(yard.stockyard.background))

    heard = await yard.chat("hi", temperature=0)
    assert 30 <= int(heard.headers["age"]) < 60
    assert rotated.get(record.id).overlap_until == until - 30_000
    [[stored_at]] = yard.stockyard.database.read("select stored_at from cached_answers")
    assert stored_at < yard.stockyard.clock.to_delete_by() - 29


async def test_the_status_tells_of_the_clock(yard: Yard) -> None:
    await yard.open()
    clock = yard.stockyard.clock
    clock._ahead -= 5.0  # as if it had been set
    assert await becomes(lambda: clock.steps == 1)
    told = Overview(yard.stockyard).status().components["clock"].detail
    assert told == {"steps": 1, "last_step_ms": pytest.approx(5000, abs=200)}
