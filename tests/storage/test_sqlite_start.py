"""Opening a database: after a kill, damaged, newer, shared or unfinished."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stockyard.errors import CannotStart
from stockyard.storage.datafolder import DataFolder
from stockyard.storage.migrate import Step
from stockyard.storage.sqlite import SqliteDatabase
from tests.storage.databases import STEPS

WRITE_AND_DIE = """
import asyncio, os, sys
from pathlib import Path
from stockyard.storage.migrate import Step
from stockyard.storage.sqlite import SqliteDatabase

async def main():
    step = Step("t", 1, "0001_t.sql", sys.argv[2])
    database = SqliteDatabase.open(Path(sys.argv[1]), [step])
    for n in range(50):
        await database.write(lambda t: t.execute("insert into t values (:n, 1)", {"n": n}))
        print(n, flush=True)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_acknowledged_changes_survive_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "stockyard.db"
    program = [sys.executable, "-c", WRITE_AND_DIE, str(path), STEPS[0].sql]
    ran = subprocess.run(program, capture_output=True, timeout=20, check=False)  # noqa: S603  our own program
    assert ran.returncode == -9, ran.stderr
    database = SqliteDatabase.open(path, STEPS)
    kept = [row[0] for row in database.read("select n from t order by n")]
    database.close()
    assert kept == [int(line) for line in ran.stdout.split()] == list(range(50))


def starts(path: Path, steps: Sequence[Step] = STEPS) -> None:
    SqliteDatabase.open(path, steps).close()


def not_a_database(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(b"This is a letter to my mother, not a database.\n" * 100)


def torn_page(path: Path) -> None:
    starts(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096 * 2))


def wrong_count_of_free_pages(path: Path) -> None:
    starts(path)
    with path.open("r+b") as file:
        file.seek(36)
        file.write((7).to_bytes(4, "big"))


def newer(path: Path) -> None:
    starts(path, [*STEPS, Step("t", 2, "0002_more.sql", "create table more (n) ")])


def edited(path: Path) -> None:
    starts(path, [Step("t", 1, "0001_t.sql", "create table t (other integer)")])


def open_to_others(path: Path) -> None:
    starts(path)
    path.chmod(0o640)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.touch(mode=0o600)
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (not_a_database, 65),
        (torn_page, 65),
        (wrong_count_of_free_pages, 65),
        (newer, 65),
        (edited, 65),
        (open_to_others, 77),
        (a_folder, 73),
        (a_link, 77),
    ],
)
def test_a_database_that_is_not_right_stops_the_start(
    tmp_path: Path, spoil: object, code: int
) -> None:
    path = tmp_path / "stockyard.db"
    spoil(path)  # type: ignore[operator]  # the table holds functions
    with pytest.raises(CannotStart) as stopped:
        starts(path)
    assert stopped.value.exit_code == code, stopped.value.message


def test_a_failed_step_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "stockyard.db"
    starts(path)
    more = [
        *STEPS,
        Step("t", 2, "0002_a.sql", "create table a (n)"),
        Step("t", 3, "0003_b.sql", "create table b (n); insert into nowhere values (1)"),
    ]
    with pytest.raises(CannotStart) as stopped:
        starts(path, more)
    assert stopped.value.exit_code == 70
    starts(path)


def test_steps_are_applied_once(tmp_path: Path) -> None:
    path = tmp_path / "stockyard.db"
    for _ in range(3):
        starts(path)
    database = SqliteDatabase.open(path, STEPS)
    assert database.read("select app, number from migrations") == [("t", 1)]
    database.close()


def test_files_are_ours_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.open()
    database = SqliteDatabase.open(folder.path / "stockyard.db", STEPS)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.path.iterdir()} == {0o600}
    database.close()
    folder.close()


def test_a_second_instance_is_told_about_the_first(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    first.open()
    first.note("http://127.0.0.1:4200/ui")
    with pytest.raises(CannotStart) as stopped:
        second.open()
    assert stopped.value.exit_code == 75
    assert "http://127.0.0.1:4200/ui" in stopped.value.message
    assert str(os.getpid()) in stopped.value.message
    first.close()
    second.open()
    second.close()


def a_wide_folder(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)


def a_file(path: Path) -> None:
    path.touch()


def nothing_to_stand_on(path: Path) -> None:
    path.parent.rmdir()
    path.parent.touch()


@pytest.mark.parametrize(
    ("spoil", "code"), [(a_wide_folder, 77), (a_file, 73), (nothing_to_stand_on, 73)]
)
def test_a_folder_that_is_not_right_stops_the_start(
    tmp_path: Path, spoil: object, code: int
) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    spoil(parent / "data")  # type: ignore[operator]  # the table holds functions
    with pytest.raises(CannotStart) as stopped:
        DataFolder(parent / "data").open()
    assert stopped.value.exit_code == code
