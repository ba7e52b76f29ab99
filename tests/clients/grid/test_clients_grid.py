"""Every client of the grid does what its page says."""

from pathlib import Path

import pytest

from tests.clients.grid.harness import run
from tests.clients.grid.page import everything
from tests.clients.grid.place import MISSING, absent, installed, version
from tests.clients.grid.programs import PROGRAMS, Program
from tests.clients.grid.scenarios import SCENARIOS

EVERYTHING = tuple(everything())
PAGE = Path(__file__).parents[3] / "docs" / "clients.md"


@pytest.mark.slow
@pytest.mark.skipif(not installed(), reason=MISSING)
@pytest.mark.parametrize(
    ("program", "upstream"), EVERYTHING, ids=[f"{p.name} over {u}" for p, u in EVERYTHING]
)
async def test_a_client_comes_through_every_scenario(
    program: Program, upstream: str, tmp_path: Path
) -> None:
    if (reason := absent(program.runtime)) is not None:
        pytest.skip(reason)
    outcomes = await run(program, upstream, tmp_path)
    assert {name: o.wrong for name, o in outcomes.items() if o.wrong is not None} == {}


def test_the_page_tells_of_every_client_over_every_provider() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    told = {tuple(cell.strip(" `") for cell in row.split("|")[1:3]) for row in rows}
    assert {(program.name, upstream) for program, upstream in EVERYTHING} <= told


def test_the_page_tells_of_every_scenario_and_of_no_failure() -> None:
    page = PAGE.read_text()
    assert all(f" {scenario.title} |" in page for scenario in SCENARIOS)
    assert "**no**" not in page


def test_what_is_built_here_has_the_versions_that_it_asks_for() -> None:
    built = [program for program in PROGRAMS if program.runtime in ("go", "java")]
    assert all(version(p.runtime, p.place, p.installed_as) for p in built)


def test_excuses_are_for_scenarios_that_exist() -> None:
    names = {scenario.name for scenario in SCENARIOS}
    assert all(set(program.excused) <= names for program in PROGRAMS)
