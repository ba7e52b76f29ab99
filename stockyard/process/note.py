"""`first-run.txt`: the first Key and admin credential, in a file with mode 0600."""

import os
from pathlib import Path

from msgspec import Struct

from stockyard.errors import CannotStart

NOTE = "first-run.txt"
COLUMN = 55
"""Where remarks begin, after a value that is not longer."""
MOCK_MODEL = "mock"


class FirstRun(Struct, frozen=True):
    """What was made just now and can be shown once; without either, what is there already."""

    key: str | None = None
    admin: str | None = None
    admin_given: bool = False
    """The operator set the admin credential, so none is made."""

    def __bool__(self) -> bool:
        return bool(self.key or self.admin)

    def rows(self) -> list[str]:
        rows = []
        if self.key:
            rows.append(row("Your Key", self.key, "shown once · no limit set"))
        if self.admin:
            rows.append(row("Admin", self.admin, "shown once · opens /api, not for programs"))
        elif self.admin_given:
            rows.append(row("Admin", "STOCKYARD_ADMIN_KEY", "as given; opens /api"))
        return rows


def write_note(folder: Path, made: FirstRun, address: str, model: str = MOCK_MODEL) -> None:
    """Leave the secrets in the data folder. Raises CannotStart (73)."""
    text = "\n".join(
        [
            "Stockyard made these when it first started. Store them, then delete this file.",
            "",
            *(line.rstrip() for line in made.rows()),
            "",
            *curl(address, made.key or "sk-sy-...", model),
            "",
        ]
    )
    note = folder / NOTE
    # An earlier note is replaced at one stroke: until then it is the only copy of the secrets.
    unfinished = note.with_suffix(".new")
    try:
        unfinished.unlink(missing_ok=True)
        opened = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(opened, "w") as file:
            file.write(text)
        unfinished.replace(note)
    except OSError as error:
        raise CannotStart(
            73, f"Cannot write {note}: {error.strerror}. Make the folder writable."
        ) from error


def curl(address: str, key: str, model: str) -> list[str]:
    """The line to try a Key with."""
    return [
        f"curl {address}/v1/chat/completions \\",
        f'  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\',
        f"""  -d '{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}'""",
    ]


def row(name: str, value: str, remark: str = "") -> str:
    return f"{name:<11}{value:<{COLUMN}} {remark}" if remark else f"{name:<11}{value}"
