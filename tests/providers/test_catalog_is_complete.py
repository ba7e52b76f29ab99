"""The catalog has every provider of the list that it was made from, with everything said there.

Where a row says it otherwise, it is one of the ways named here.
"""

import json
import pathlib
import re
from typing import Any

import pytest

from stockyard.providers.quirks import names
from stockyard.providers.row import Place, Row, shipped_rows

LIST = pathlib.Path(__file__).parents[3] / "shared" / "spec"
pytestmark = pytest.mark.skipif(not LIST.is_dir(), reason="no list beside the project")

ROWS = shipped_rows()


def listed() -> list[dict[str, Any]]:
    if not LIST.is_dir():
        return []
    text = (LIST / "providers.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


each = pytest.mark.parametrize("said", listed(), ids=lambda said: said["name"])


@each
def test_it_is_there_and_as_certain_as_it_should_be(said: dict[str, Any]) -> None:
    row = ROWS[said["name"]]
    assert row.verified is said["verified"]
    confirmed = CONFIRMED_SINCE.get(said["name"], ())
    assert set(said.get("unverified", ())) - {*confirmed} <= {*row.unverified}
    assert {*said.get("models", ())} <= {*row.models}
    assert tuple(said.get("features", ())) == row.features
    assert tuple(said.get("versions", ())) == row.versions


@each
def test_it_speaks_and_offers_the_same(said: dict[str, Any]) -> None:
    row = ROWS[said["name"]]
    assert {*said["speaks"]} <= {*row.speaks}
    assert [*row.speaks][:1] == [*said["speaks"]][:1], "the first is the default"
    known = {_bare(_path(place)) for place in (*row.speaks.values(), *row.endpoints.values())}
    for name, path in said["speaks"].items():
        assert _bare(path) == _bare(_path(row.speaks[name])), name
    for name, place in said["endpoints"].items():
        if place is None:
            assert name in (*row.offers, *row.endpoints), name
        else:  # what it is called may differ, where it stands may not
            path = place if isinstance(place, str) else place["path"]
            assert name in row.endpoints or _bare(path) in known, name


@each
def test_it_takes_the_same_secrets_from_the_same_variables(said: dict[str, Any]) -> None:
    row = ROWS[said["name"]]
    assert {*said["auth"]} <= {*row.auth}
    told = {*row.env, *_variables(row)}
    assert {*said["env"]} - told - ELSEWHERE_READ <= set(), "variables that nobody reads"


@each
def test_it_has_the_same_quirks(said: dict[str, Any]) -> None:
    row = ROWS[said["name"]]
    of_some_models = {trait for traits in row.model_traits.values() for trait in traits}
    assert {*said["quirks"]} <= {*row.quirks} | of_some_models


def test_every_name_of_a_quirk_means_something() -> None:
    text = (LIST / "wire.md").read_text(encoding="utf-8")
    table = text[text.index("### 12.2") : text.index("## 13. Tests")]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    found = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    assert len(found) > 120
    unknown = [name for name in found if not names.known(re.sub(r"<[^>]*>", "1", name))]
    assert unknown == []


CONFIRMED_SINCE = {
    # Path and shape are those of IBM's own SDKs for Node and Java.
    "watsonx": ("embeddings", "rerank"),
}

ELSEWHERE_READ = frozenset(
    {
        "AWS_ACCESS_KEY_ID",  # with the secret that belongs to it
        "AWS_SESSION_TOKEN",
        "AICORE_SERVICE_KEY",  # its parts have variables of their own
    }
)


def _path(place: str | Place) -> str:
    return place if isinstance(place, str) else place.path


def _bare(path: str) -> str:
    """Without the host, and with the choices of a parameter left out."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", re.sub(r"^https://[^/]+", "", path))


def _variables(row: Row) -> set[str]:
    named = [(v,) if isinstance(v, str) else v for v in row.settings.values()]
    return {variable for group in (*named, *row.secrets.values()) for variable in group}
