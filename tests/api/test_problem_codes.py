"""The codes of problems are a closed list, which the description of the API tells."""

import ast
from collections.abc import Iterator
from pathlib import Path

import stockyard
from stockyard.api.problems import TITLES
from tests.control_plane import Plane

PACKAGE = Path(stockyard.__file__).parent
TOLD_BY = ("api", "apps", "storage", "core/control.py", "gateway/line.py", "modules")


def codes_in(file: Path) -> Iterator[str]:
    """The codes of errors that this file raises and that become problems of their own."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        named = {word.arg: word.value for word in node.keywords}
        if node.func.id == "Refused" and "modules" not in file.parts:
            yield from literal(node.args[1])
        if node.func.id == "InvalidConfig" and "status" in named:
            yield from literal(named["code"])


def literal(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def raised() -> set[str]:
    places = [PACKAGE / place for place in TOLD_BY]
    files = [
        file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])
    ]
    return {code for file in files for code in codes_in(file)}


def test_every_code_that_is_raised_has_a_title() -> None:
    assert len(raised()) > 15
    assert sorted(raised() - TITLES.keys()) == []


async def test_the_description_lists_all_of_them(plane: Plane) -> None:
    async with plane.as_admin as client:
        described = (await client.get("/api/openapi.json")).json()
    problem = described["components"]["schemas"]["Problem"]["properties"]
    assert problem["code"]["enum"] == sorted(TITLES)


async def test_a_change_that_there_is_no_room_for_is_told_why(plane: Plane) -> None:
    writer = plane.database.writer
    writer.disk_full = True
    try:
        async with plane.as_admin as client:
            told = (await client.post("/api/team/keys", json={"name": "mine"})).json()
    finally:
        writer.disk_full = False
    assert (told["status"], told["code"], told["cause"]) == (
        503,
        "ledger_unavailable",
        "storage_full",
    )
