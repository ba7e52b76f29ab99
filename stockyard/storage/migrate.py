"""Schema changes: numbered SQL files that each app brings and that are applied exactly once.

All steps that are missing are applied in one transaction, so a step that fails leaves the database
as it was. A step that was applied and then edited, or one that this version does not know, stops
the start: the data is newer than the program, or somebody else's.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Sequence
from importlib.resources.abc import Traversable

import apsw
from msgspec import Struct

from stockyard.errors import CannotStart

STEP = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
TABLE = """
create table if not exists migrations (
    app        text not null,
    number     integer not null,
    name       text not null,
    sha256     text not null,
    applied_at integer not null,
    primary key (app, number)
) strict, without rowid
"""


class Step(Struct, frozen=True):
    """One migration file."""

    app: str
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def steps_in(app: str, folder: Traversable) -> list[Step]:
    """The steps of one app, in order."""
    steps = []
    for file in folder.iterdir() if folder.is_dir() else ():  # not every app keeps something
        if file.name.endswith(".sql"):
            found = STEP.fullmatch(file.name)
            if not found:
                raise CannotStart(70, f"{file.name} of {app} is not named like 0001_keys.sql.")
            steps.append(Step(app, int(found[1]), file.name, file.read_text(encoding="utf-8")))
    return sorted(steps, key=lambda step: step.number)


def migrate(connection: apsw.Connection, steps: Sequence[Step]) -> list[Step]:
    """Apply what is missing and return it. Raises CannotStart: 65 (newer data) or 70 (failed)."""
    done = applied(connection)
    refuse_strange(done, steps)
    missing = [step for step in steps if (step.app, step.number) not in done]
    if not missing and done:
        return []
    try:
        with connection:
            connection.execute(TABLE)
            for step in missing:
                apply(connection, step)
    except apsw.SQLError as error:
        raise CannotStart(
            70, f"The database could not be upgraded ({error}). It was left as it was."
        ) from None
    return missing


def applied(connection: apsw.Connection) -> dict[tuple[str, int], str]:
    if not connection.table_exists(None, "migrations"):
        return {}
    rows = connection.execute("select app, number, sha256 from migrations")
    return {(app, number): sha256 for app, number, sha256 in rows}


def refuse_strange(done: dict[tuple[str, int], str], steps: Iterable[Step]) -> None:
    known = {(step.app, step.number): step for step in steps}
    for (app, number), sha256 in sorted(done.items()):
        step = known.get((app, number))
        if step is None:
            raise CannotStart(
                65,
                f"This data was written by a newer Stockyard (step {number} of {app}). "
                "Install that version or restore an older backup.",
            )
        if step.sha256 != sha256:
            raise CannotStart(
                65, f"Step {number} of {app} was applied in another form. Restore a backup."
            )


def apply(connection: apsw.Connection, step: Step) -> None:
    connection.execute(step.sql)
    connection.execute(
        "insert into migrations (app, number, name, sha256, applied_at) "
        "values (:app, :number, :name, :sha256, :now)",
        {
            "app": step.app,
            "number": step.number,
            "name": step.name,
            "sha256": step.sha256,
            "now": time.time_ns() // 1_000_000,
        },
    )
