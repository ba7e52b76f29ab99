"""Packages of many files say which of them is for what."""

from pathlib import Path

import pytest

import stockyard

ROOT = Path(stockyard.__file__).parent
PACKAGES = ("core", "gateway", "process", "providers", "storage", "upstream", "wire")
COLUMN = 23
"""Where the names of files begin in a table."""


def files_of(package: Path) -> set[str]:
    found = {path.stem for path in package.glob("*.py")} - {"__init__"}
    return found | {path.parent.name for path in package.glob("*/__init__.py")}


def listed_in(package: Path) -> list[str]:
    lines = (package / "__init__.py").read_text().splitlines()
    rows = [line for line in lines if line[COLUMN - 1 : COLUMN] == " " and line[-1] not in ".:"]
    return [name for row in rows for name in row[COLUMN:].split()]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_file_is_in_the_table_of_its_package_once(name: str) -> None:
    package = ROOT / name
    formats = {path.parent.name for path in package.glob("*/codec.py")}
    listed = listed_in(package)
    assert sorted(listed) == sorted(files_of(package) - formats)
