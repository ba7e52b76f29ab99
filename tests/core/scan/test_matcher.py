"""The matching engine: words, patterns, overlaps, confidence, positions."""

from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.ports import Span
from stockyard.core.scan.matcher import RuleMatcher, matcher
from stockyard.core.scan.regex import finder
from stockyard.core.scan.rule import Rule, pack
from stockyard.errors import InvalidConfig


@pytest.mark.parametrize(
    ("words", "options", "text", "masked"),
    [
        ([], {}, "tell me of Falcon", "tell me of Falcon"),
        (["falcon"], {"ignore_case": True}, "tell me of Falcon", "tell me of *"),
        (["falcon"], {}, "tell me of Falcon", "tell me of Falcon"),
        (["falcon"], {"whole_words": True}, "a falconer came by", "a falconer came by"),
        (["falcon"], {"whole_words": True}, "falcon_1 falcon", "falcon_1 *"),
        (["a.b"], {}, "a.b but not axb", "* but not axb"),
        (["über"], {"whole_words": True}, "über gegenüber", "* gegenüber"),
        (["ÜBER"], {"ignore_case": True}, "sie sagt über", "sie sagt *"),
        (["cat", "cats"], {"whole_words": True}, "cats and cat", "* and *"),
        (["火"], {}, "火 und 😀火", "* und 😀*"),
    ],
)
def test_words_are_found(words: list[str], options: dict[str, Any], text: str, masked: str) -> None:
    assert matcher(words, **options).replace(text, "*") == masked


@pytest.mark.parametrize(
    ("patterns", "text", "masked"),
    [
        ([r"BDG-\d{4}"], "badge BDG-1234.", "badge *."),
        ([r"(a|b)+c"], "xabac", "x*"),
        ([r"\d+", r"\d+-\d+"], "12-34", "*"),
        ([r"ab", r"bc"], "abc", "*"),
    ],
)
def test_patterns_are_found_and_what_overlaps_is_one(
    patterns: list[str], text: str, masked: str
) -> None:
    assert matcher(patterns=patterns).replace(text, "*") == masked


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "cannot be used"),
        (r"(a)\1", "cannot be used"),
        ("a" * 1001, "at most 1,000"),
        ("(?:[a-z0-9]{1,30}){1,30}" * 30, "too large"),
        ("a*", "empty text"),
        ("(" * 150 + "a" + ")" * 150, "too deeply"),
        (r"\C+", "cannot be used"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_its_path(pattern: str, says: str) -> None:
    with pytest.raises(InvalidConfig, match=says) as refused:
        matcher(patterns=["fine", pattern], path="custom")
    assert refused.value.path == "custom[1]"


def test_a_span_says_where_which_and_how_sure() -> None:
    rules = [Rule(id="digits", type="d", pattern=r"\d{3}", confidence=0.75)]
    assert RuleMatcher(rules).find("äöü 123") == [Span(4, 7, "digits", 0.75)]


@pytest.mark.parametrize(
    ("order", "named"),
    [
        (("long", "short", "sure"), "long"),
        (("sure", "short"), "sure"),
        (("short", "sure"), "sure"),
        (("short", "twin"), "short"),
        (("twin", "short"), "twin"),
    ],
)
def test_the_longest_then_the_surest_then_the_earliest_candidate_names_the_span(
    order: tuple[str, ...], named: str
) -> None:
    rules = {
        "long": Rule(id="long", type="x", pattern="abcd", confidence=0.1),
        "short": Rule(id="short", type="x", pattern="bcd", confidence=0.5),
        "twin": Rule(id="twin", type="x", pattern="bcd", confidence=0.5),
        "sure": Rule(id="sure", type="x", pattern="bcd", confidence=0.9),
    }
    (span,) = RuleMatcher([rules[name] for name in order]).find("_abcd_")
    assert span.rule == named


def test_nothing_of_a_candidate_that_lost_stays_readable() -> None:
    rules = [
        Rule(id="left", type="x", pattern="abcd"),
        Rule(id="right", type="x", pattern="cdefgh"),
    ]
    assert RuleMatcher(rules).find("_abcdefgh_") == [Span(1, 9, "right")]


CONTEXT = Rule(id="n", type="n", pattern=r"\b\d{4}\b", confidence=0.5, context=("badge",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("badge 1234", True),
        ("1234 is my badge", True),
        ("order 1234", False),
        ("badge" + " " * 41 + "1234", False),
        ("badge v1.1234", False),
        ("badge 12-1234", False),
        ("badge #1234", False),
    ],
)
def test_a_word_of_context_makes_surer_and_code_less_sure(text: str, found: bool) -> None:
    assert bool(RuleMatcher([CONTEXT], least=0.6).find(text)) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [("Badge abc-1", True), ("abc-1 badge", False), ("badge" + "." * 70 + "abc-1", False)],
)
def test_a_keyword_must_stand_close_before(text: str, found: bool) -> None:
    rule = Rule(id="n", type="n", pattern=r"abc-\d", keywords=("badge",))
    assert bool(RuleMatcher([rule]).find(text)) is found


def test_a_candidate_that_fails_its_check_does_not_hide_one_inside_it() -> None:
    rule = Rule(id="card", type="card", pattern=r"\d(?: ?\d){12,18}", check="card", shrinks=True)
    found = RuleMatcher([rule]).find("7 4111 1111 1111 1111 9")
    assert [(span.start, span.end) for span in found] == [(2, 21)]


def test_a_caller_may_say_which_values_are_accepted() -> None:
    engine = RuleMatcher(pack("pii").rule, accepts=lambda rule, value: "acme" not in value)
    assert [span.rule for span in engine.find("a@acme.org b@x.org")] == ["email"]


@given(st.text(max_size=200))
def test_positions_are_characters_of_the_text(noise: str) -> None:
    text = noise + " ann@acme.org " + noise
    spans = RuleMatcher([rule for rule in pack("pii").rule if rule.id == "email"]).find(text)
    assert "ann@acme.org" in [text[span.start : span.end] for span in spans]


def test_lone_surrogates_do_not_stop_the_scan() -> None:
    assert matcher(["falcon"]).replace("\ud800 falcon \udfff", "*") == "\ud800 * \udfff"


def test_an_invalid_pattern_is_never_taken_for_one_that_finds_nothing() -> None:
    with pytest.raises(re2.error):
        finder("(")
    assert finder("b(c)?")(b"abc", 0) == (1, 3, 2, 3)
    assert finder("b(c)?")(b"ab", 0) == (1, 2, 1, 2)
    assert finder("b")(b"abc", 2) is None
