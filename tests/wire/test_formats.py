"""Which formats there are is known before their codecs are imported."""

import subprocess
import sys

import pytest

from stockyard.wire.formats import FORMATS, FURTHER
from stockyard.wire.further_formats import CODECS

LAZY = """
import sys
import stockyard.app
from stockyard.wire.formats import FORMATS
assert "gemini" in FORMATS and len(FORMATS) == len(set(FORMATS))
assert "stockyard.wire.further_formats" not in sys.modules
assert FORMATS["gemini"].name == "gemini"
assert "stockyard.wire.further_formats" in sys.modules
"""


def test_the_names_are_those_of_the_codecs() -> None:
    assert sorted(codec.name for codec in CODECS) == sorted(FURTHER)
    assert all(codec.name == name for name, codec in FORMATS.items())


def test_an_unknown_name_is_none() -> None:
    assert "nobody.chat" not in FORMATS
    assert FORMATS.get("nobody.chat") is None
    with pytest.raises(KeyError):
        FORMATS["nobody.chat"]


def test_a_start_does_not_import_what_it_does_not_need() -> None:
    subprocess.run([sys.executable, "-c", LAZY], check=True)  # noqa: S603  a program of ours
