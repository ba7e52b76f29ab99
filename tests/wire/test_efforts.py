"""Efforts of thinking that a model takes in place of those that it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.providers.row import shipped_rows
from stockyard.wire.efforts import EFFORTS, efforts_in, nearest, says_efforts


@pytest.mark.parametrize(
    ("asked", "taken", "given_"),
    [
        ("max", "low medium high", "high"),
        ("xhigh", "low medium high", "high"),
        ("xhigh", "low medium high max", "high"),
        ("minimal", "none low medium high", "low"),
        ("none", "minimal low medium high", "minimal"),
        ("medium", "none high", "high"),
        ("low", "none high", "high"),
        ("low", "high max", "high"),
        ("max", "high", "high"),
        ("none", "none high", "none"),
        ("default", "low high", "default"),
        ("high", "none", "high"),
    ],
)
def test_the_nearest_is_taken_and_of_two_the_lesser(asked: str, taken: str, given_: str) -> None:
    assert nearest(asked, taken.split()) == given_


@given(st.sampled_from(EFFORTS), st.sets(st.sampled_from(EFFORTS[1:]), min_size=1))
def test_what_is_given_is_always_taken_and_stays_so(asked: str, taken: set[str]) -> None:
    found = nearest(asked, taken)
    assert found in taken
    assert nearest(found, taken) == found
    assert asked not in taken or found == asked


def test_a_row_may_say_which_its_models_take() -> None:
    assert efforts_in({"reasoning", "efforts:low,high"}) == ("low", "high")
    assert efforts_in({"reasoning"}) == ()
    rows = shipped_rows().values()
    told = [efforts_in(traits) for row in rows for traits in row.model_traits.values()]
    assert any(told)
    assert {effort for efforts in told for effort in efforts} <= set(EFFORTS)


@pytest.mark.parametrize(
    ("format_", "trait", "says"),
    [
        ("openai.chat", "", True),
        ("openai.responses", "", True),
        ("anthropic.messages", "adaptive_thinking", True),
        ("bedrock.converse", "adaptive_thinking", True),
        ("anthropic.messages", "", False),
        ("gemini", "thinking_level", False),
        ("cohere.chat", "", False),
    ],
)
def test_models_that_are_told_a_budget_are_told_no_effort(
    format_: str, trait: str, says: bool
) -> None:
    assert says_efforts(format_, {trait}) is says
