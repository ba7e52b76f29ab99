"""The page about modules, `docs/modules.md`."""

import re
from pathlib import Path

from stockyard.cli.docs import reference

PAGE = Path(__file__).parents[2] / "docs" / "modules.md"
ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<default>.*?) \| (?P<meaning>.*) \|$", re.MULTILINE)


def test_the_page_is_what_the_modules_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "Run `make docs`."


def test_every_option_has_a_meaning() -> None:
    rows = list(ROW.finditer(reference()))
    assert len(rows) > 100
    assert [row["name"] for row in rows if not row["meaning"].strip()] == []


def test_words_stand_in_the_order_in_which_they_are_explained() -> None:
    assert (
        "Only count calls; keep a row of metadata for each; also keep the texts, as the provider "
        "saw them or as the caller did. One of `off`, `metadata`, `redacted`, `full`."
    ) in reference()
