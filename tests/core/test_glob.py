"""Names with `*` in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.glob import Glob, Globs


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("gpt-4", "gpt-4", True),
        ("gpt-4", "gpt-4o", False),
        ("gpt-*", "gpt-", True),
        ("*", "", True),
        ("a*a", "a", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("*ab*ab*", "ab", False),
        ("*aba*aba*", "ababa", False),
        ("a.c", "abc", False),
    ],
)
def test_a_star_stands_for_any_text_and_nothing_else_is_special(
    pattern: str, text: str, matches: bool
) -> None:
    assert Glob(pattern).matches(text) is matches


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_a_glob_matches_as_a_regular_expression_would(pattern: str, text: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None
    assert Glob(pattern).matches(text) is expected


def test_a_glob_tells_what_its_star_stood_for() -> None:
    assert Glob("gpt-*-mini").star("gpt-4o-mini") == "4o"


def test_several_globs_match_where_any_of_them_does() -> None:
    assert Globs(("a", "b*")).match("a")
    assert Globs(("a", "b*")).match("bee")
    assert not Globs(("a", "b*")).match("c")
    assert not Globs(()).match("a")
    assert Globs(("a",))
    assert Globs(("b*",))
    assert not Globs(())
