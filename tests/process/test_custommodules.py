"""Modules of the operator's own: from a folder, from a package, through the running gateway."""

import re
import sys
from pathlib import Path

import httpx
import pytest

from stockyard.errors import CannotStart
from stockyard.process import custommodules
from stockyard.testing.yard import Yard

DOCS = Path(__file__).parents[2] / "docs" / "custom-modules.md"
HEAD = """
from stockyard.core.module import Module, ModuleConfig, Stage
"""
GREET = (
    HEAD
    + '''
class Greet(Module[ModuleConfig]):
    """Says hello."""

    name = "greet"
    category = "custom"
    stage = Stage.OBSERVE
    on_by_default = True

    def on_request(self, x):
        x.tell("x-greeting", "hello")
'''
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "own-modules"
    found.mkdir()
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, as one that pip installs into."""
    found = tmp_path / "site-packages"
    found.mkdir()
    monkeypatch.syspath_prepend(str(found))
    monkeypatch.delitem(sys.modules, "acme_greet", raising=False)
    return found


def install(site: Path, code: str, value: str = "acme_greet:Greet") -> None:
    (site / "acme_greet.py").write_text(code)
    info = site / "acme_greet-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-greet\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[stockyard.modules]\ngreet = {value}\n")


async def test_the_documented_example_masks_a_word_that_is_cut_in_two(
    yard: Yard, folder: Path
) -> None:
    _, example = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    (folder / "wordmask.py").write_text(example)
    yard.set("modules_dir", str(folder))
    yard.enable("wordmask", words=["project falcon"])
    yard.provider("openai").streams("my proj", "ect fal", "con and ", "more")
    heard = await yard.stream("tell of Project Falcon")
    assert heard.text == "my [removed] and more"
    assert len(heard.pieces) > 1
    assert yard.provider("openai").last.prompt == "tell of [removed]"
    yard.provider("openai").says("Project Falcon flies")
    assert (await yard.chat("hi")).text == "[removed] flies"


async def test_the_documented_example_works_from_its_folder_and_by_the_api(
    yard: Yard, folder: Path
) -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    (folder / "codename.py").write_text(example[1])
    yard.set("modules_dir", str(folder))
    yard.provider("openai").says("fine")
    assert (await yard.chat("of Falcon")).text == "fine"

    admin = {"x-admin-key": yard.stockyard.first_run.admin or ""}
    async with httpx.AsyncClient(base_url=yard.url, headers=admin) as client:
        shown = (await client.get("/api/chute/modules/codename")).json()
        change = {"enabled": True, "config": {"words": ["falcon"]}}
        changed = await client.put("/api/chute/modules/codename", json=change)
        assert changed.status_code == 200, changed.text
        wrong = await client.put("/api/chute/modules/codename", json={"config": {"word": []}})

    assert shown["category"] == "custom"
    assert shown["title"] == "Keep the code names of our products out of prompts."
    assert wrong.status_code == 400
    refused = await yard.chat("of Falcon")
    assert refused.status == 400
    assert (refused.error or {})["stockyard"]["code"] == "content_blocked"
    assert (await yard.chat("of hawks")).text == "fine"


async def test_an_installed_package_brings_a_module(yard: Yard, site: Path) -> None:
    install(site, GREET)
    yard.provider("openai").says("fine")

    answer = await yard.chat("hi")

    assert answer.headers["x-greeting"] == "hello"


async def test_it_runs_after_the_modules_of_the_catalog_at_its_stage(
    yard: Yard, folder: Path
) -> None:
    (folder / "greet.py").write_text(GREET)
    yard.set("modules_dir", str(folder))
    await yard.open()

    states = yard.stockyard.line.states()
    observing = [state.name for state in states if state.stage == "OBSERVE"]
    assert len(observing) > 1
    assert observing[-1] == "greet"
    assert states[len(observing) - 1].name == "greet"


def test_nothing_is_imported_that_was_not_asked_for(folder: Path) -> None:
    (folder / "greet.py").write_text("raise SystemExit('imported')")
    assert custommodules.load("") == ()
    (folder / "greet.py").rename(folder / "_greet.py")
    (folder / "notes.txt").write_text("not Python")
    assert custommodules.load(str(folder)) == ()


def module(body: str, base: str = "Module[ModuleConfig]") -> str:
    return HEAD + f"class Odd({base}):\n" + "".join(f"    {line}\n" for line in body.split("; "))


GOOD = 'name = "odd"; stage = Stage.INSPECT'
HOOK = "def on_request(self, x): pass"
BAD = [
    ("no Python", "def (", r"odd\.py:1: it cannot be imported \(SyntaxError"),
    ("an import that fails", "\nimport no_such_thing", r"odd\.py:2: .*ModuleNotFoundError"),
    ("an error", "x = 1\n1 / 0", r"odd\.py:2: it cannot be imported \(ZeroDivisionError"),
    ("an exit", "raise SystemExit(0)", r"odd\.py:1: it cannot be imported \(SystemExit"),
    ("nothing", "x = 1", r"odd\.py: it defines no Module"),
    ("only an import", HEAD, r"odd\.py: it defines no Module"),
    ("no name", module(f"stage = Stage.INSPECT; {HOOK}"), "needs a `name`"),
    ("an odd name", module(f'name = "A b"; stage = Stage.INSPECT; {HOOK}'), "needs a `name`"),
    (
        "a name of the catalog",
        module(f'name = "failover"; stage = Stage.ROUTE; {HOOK}'),
        "'failover', which the catalog uses",
    ),
    (
        "another name of the catalog",
        module(f'name = "retry"; stage = Stage.CALL; {HOOK}'),
        "'retry', which the catalog uses",
    ),
    ("no stage", module(f'name = "odd"; {HOOK}'), "needs a `stage`"),
    ("no hook", module(GOOD), "has no hook"),
    ("a hook that is a value", module(f"{GOOD}; on_request = 7"), "`on_request` that cannot be"),
    (
        "an async on_chunk",
        module(f"{GOOD}; async def on_chunk(self, x, event): return event"),
        "async `on_chunk`",
    ),
    (
        "around at another stage",
        module(f"{GOOD}; async def around(self, x, call): return await call(x)"),
        "the stage CALL only",
    ),
    (
        "a Config with a hole",
        HEAD
        + "class C(ModuleConfig, frozen=True):\n    words: str\n"
        + module(f"{GOOD}; {HOOK}", base="Module[C]").removeprefix(HEAD),
        "a Config that does not work without values",
    ),
]


@pytest.mark.parametrize(("code", "told"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_file_ends_the_start_with_its_name_and_the_reason(
    folder: Path, code: str, told: str
) -> None:
    (folder / "odd.py").write_text(code)
    with pytest.raises(CannotStart) as raised:
        custommodules.load(str(folder))
    assert raised.value.exit_code == 78
    assert re.search(told, raised.value.message), raised.value.message
    assert "odd.py" in raised.value.message
    assert "stockyard.custom.odd" not in sys.modules or "cannot be imported" not in told


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ('ValueError("words must not be empty")', r"ValueError: words must not be empty"),
        ('RuntimeError("no")', r"RuntimeError: no"),
        ("SystemExit(0)", r"SystemExit: 0"),
    ],
)
async def test_one_that_is_on_and_cannot_be_built_ends_the_start_too(
    yard: Yard, folder: Path, raised: str, told: str
) -> None:
    built = f"    def __init__(self, config, ports):\n        raise {raised}\n"
    (folder / "greet.py").write_text(GREET + built)
    yard.set("modules_dir", str(folder))
    with pytest.raises(CannotStart) as stopped:
        await yard.open()
    assert stopped.value.exit_code == 78
    where = rf"greet\.py:\d+: Greet cannot be built \({told}\)"
    assert re.search(where, stopped.value.message), stopped.value.message


async def test_one_that_lacks_a_port_is_shown_as_not_running(yard: Yard, folder: Path) -> None:
    built = "    def __init__(self, config, ports):\n        ports.crystal_ball\n"
    (folder / "greet.py").write_text(GREET + built)
    yard.set("modules_dir", str(folder))
    await yard.open()
    assert "not running" in yard.stockyard.line.state("greet").state


def test_two_of_one_name_are_refused_with_both_places(folder: Path) -> None:
    (folder / "a.py").write_text(GREET)
    (folder / "b.py").write_text(GREET)
    with pytest.raises(CannotStart, match=r"b\.py: Greet has the name 'greet', which .*a\.py uses"):
        custommodules.load(str(folder))


@pytest.mark.parametrize(
    ("code", "value", "told"),
    [
        (GREET, "acme_greet:Gone", "cannot be imported .AttributeError"),
        (GREET, "acme_gone:Greet", "cannot be imported .ModuleNotFoundError"),
        (GREET, "acme_greet:Stage", "not a class derived from"),
        (GREET.replace('"greet"', '"cache"'), "acme_greet:Greet", "which the catalog uses"),
    ],
)
def test_a_bad_package_ends_the_start_with_its_name_and_the_reason(
    site: Path, code: str, value: str, told: str
) -> None:
    install(site, code, value)
    with pytest.raises(CannotStart, match=told) as raised:
        custommodules.load("")
    assert "package acme-greet" in raised.value.message


def test_a_folder_that_is_none_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="modules_dir is not a folder"):
        custommodules.load(str(tmp_path / "missing"))


async def test_a_start_that_fails_so_leaves_nothing_behind(yard: Yard, folder: Path) -> None:
    (folder / "odd.py").write_text("1 / 0")
    yard.set("modules_dir", str(folder))
    with pytest.raises(CannotStart):
        await yard.open()
