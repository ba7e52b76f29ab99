"""The config file: TOML or YAML as plain tables, with the line and column of each key."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stockyard.errors import CannotStart

Place = tuple[str | int, ...]
"""The way to a value: keys of tables and positions in lists."""

NAMES = ("stockyard.toml", "stockyard.yaml", "stockyard.yml")
YAML = (".yaml", ".yml")
MAX_BYTES = 4 << 20


class Document:
    """A parsed file that can still say on which line a key stands."""

    def __init__(self, path: Path, text: str, tables: dict[str, Any]) -> None:
        self.path = path
        self.tables = tables
        self._text = text

    def where(self, place: Place) -> str:
        """`file:line:column` of the deepest part of `place` that can be found."""
        positions = (
            toml_positions(self._text) if self.path.suffix.lower() not in YAML else self._marks()
        )
        for length in range(len(place), 0, -1):
            if place[:length] in positions:
                line, column = positions[place[:length]]
                return f"{self.path.name}:{line}:{column}"
        return self.path.name

    def _marks(self) -> dict[Place, tuple[int, int]]:
        from stockyard.settings.yaml_tables import positions

        return positions(self._text)


def find(named: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The config file to read: the one that was named, else the first that exists."""
    if named:
        path = cwd / Path(named).expanduser()
        if not path.is_file():
            what = "is no file" if path.exists() else "does not exist"
            raise CannotStart(78, f"The config file {named} {what}.")
        return path
    home = Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    candidates = (*(cwd / name for name in NAMES), home / "stockyard" / "config.toml")
    return next((path for path in candidates if path.is_file()), None)


def passed_over(path: Path) -> Iterator[str]:
    """Warnings about other config files nearby that are not read."""
    if path.name in NAMES:
        for name in NAMES[NAMES.index(path.name) + 1 :]:
            if path.with_name(name).is_file():
                yield f"{name} is not read, because {path.name} is there, too."


def read(path: Path) -> Document:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        # Some editors begin a file with a mark, and some end lines with two characters.
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise CannotStart(78, f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CannotStart(78, f"{path}: is not UTF-8 text.") from None
    if len(raw) > MAX_BYTES:
        raise CannotStart(78, f"{path}: is larger than 4 MiB.")
    if path.suffix.lower() in YAML:
        from stockyard.settings.yaml_tables import tables

        return Document(path, text, tables(path.name, text))
    return Document(path, text, toml_tables(path.name, text))


def toml_tables(name: str, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotStart(78, f"{name}: is not valid TOML: {error}.") from None


KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
KEYS = rf"{KEY}(?:[ \t]*\.[ \t]*{KEY})*"
TOML_ITEM = re.compile(
    rf"""
      (?P<skip>\#[^\n]*|\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)''')
    | ^[ \t]*(?P<array>\[\[)[ \t]*(?P<array_keys>{KEYS})[ \t]*\]\]
    | ^[ \t]*\[[ \t]*(?P<table_keys>{KEYS})[ \t]*\][ \t]*(?:\#[^\n]*)?$
    | (?P<assigned>{KEYS})[ \t]*=(?!=)
    | (?P<text>"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
    | (?P<open>[{{\[])
    | (?P<close>[}}\]])
    """,
    re.VERBOSE | re.MULTILINE,
)


def toml_positions(text: str) -> dict[Place, tuple[int, int]]:
    """Where each key of a valid TOML text stands, as line and column.

    `tomllib` does not tell. Keys of inline tables count too; tables inside a list of inline tables
    are not told apart, because nothing here is set that way more than once per list.
    """
    positions: dict[Place, tuple[int, int]] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    opened: list[Place] = []
    current: Place = ()
    line, counted = 1, 0
    for found in TOML_ITEM.finditer(text):
        kind = found.lastgroup
        if kind in ("array_keys", "table_keys"):
            table = within(split_keys(found[kind]), counts)
            if kind == "array_keys":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            current = table
            start = found.start(kind)
        elif kind == "assigned":
            current = (opened[-1] if opened else table) + split_keys(found["assigned"])
            start = found.start("assigned")
        else:
            if kind == "open":
                opened.append(current)
            elif kind == "close" and opened:
                current = opened.pop()
            continue
        line += text.count("\n", counted, start)
        counted = start
        mark = line, start - (text.rfind("\n", 0, start) + 1) + 1
        for length in range(1, len(current) + 1):
            positions.setdefault(current[:length], mark)
    return positions


def within(keys: Place, counts: Mapping[Place, int]) -> Place:
    """`[a.b]` under `[[a]]` belongs to the last element of `a`."""
    place: Place = ()
    for key in keys[:-1]:
        place = (*place, key)
        if place in counts:
            place = (*place, counts[place])
    return (*place, *keys[-1:])


def split_keys(written: str) -> Place:
    return tuple(part.strip("\"'") for part in re.findall(KEY, written))
