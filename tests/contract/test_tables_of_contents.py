"""Packages of many files say which of them is for what."""

import ast
from pathlib import Path

import pytest

import stockyard

ROOT = Path(stockyard.__file__).parent
PACKAGES = (
    *(".", "api", "apps", "core", "gateway", "process", "providers", "settings", "storage"),
    *("upstream", "wire"),
)
COLUMN = 23
"""Where the names of files begin in a table."""


def files_of(package: Path) -> set[str]:
    found = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return found | {path.parent.name for path in package.glob("*/__init__.py")}


def listed_in(package: Path) -> list[str]:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    lines = docstring.splitlines()
    rows = [line for line in lines if line[COLUMN - 1 : COLUMN] == " " and line[-1] not in ".:"]
    return [name for row in rows for name in row[COLUMN:].split()]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_file_is_in_the_table_of_its_package_once(name: str) -> None:
    package = ROOT / name
    # A format has a folder with the same files inside as every other.
    formats = {path.parent.name for path in (ROOT / "wire").glob("*/codec.py")}
    assert sorted(listed_in(package)) == sorted(files_of(package) - formats)
