"""The normalised view, and the way back from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.scan.matcher import RuleMatcher
from stockyard.core.scan.normal import NormalView
from stockyard.core.scan.rule import pack


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Ignore  ALL\n\tprevious", "ignore all previous"),
        ("i\u200bg\u200dn\u2060ore", "ignore"),
        ("\u202eignore\u202c", "ignore"),
        ("іgnоrе", "ignore"),
        ("ｉｇｎｏｒｅ", "ignore"),
        ("𝐢𝐠𝐧𝐨𝐫𝐞", "ignore"),
        ("i\x00gnore", "ignore"),
        ("ﬁle", "file"),
        ("", ""),
    ],
)
def test_a_text_is_seen_as_a_reader_sees_it(written: str, seen: str) -> None:
    assert NormalView(written).text == seen


@given(st.text(max_size=100))
def test_every_character_of_the_view_has_an_origin_and_they_are_in_order(text: str) -> None:
    view = NormalView(text)
    origins = [view.origin(at) for at in range(len(view.text) + 1)]
    assert origins == sorted(origins)
    assert all(0 <= origin <= len(text) for origin in origins)


@given(st.text(st.characters(max_codepoint=127), max_size=100))
def test_plain_text_has_the_same_view_on_both_ways(text: str) -> None:
    view = NormalView(text)
    assert view.text == NormalView(text + "\u200b").text


def test_the_way_back_leads_to_what_was_written() -> None:
    view = NormalView("ab  \u200bІGNORE")
    at = view.text.index("ignore")
    assert view.original[view.origin(at) :] == "ІGNORE"


def test_rules_in_any_script_find_their_samples_in_the_view() -> None:
    rules = pack("injection").rule
    folded = RuleMatcher(NormalView.of_rules(rules))
    for rule in rules:
        for text in rule.positive:
            found = {span.rule for span in folded.find(NormalView(text.upper()).text)}
            assert found, (rule.id, text)
        for text in rule.negative:
            assert not folded.find(NormalView(text).text), (rule.id, text)
