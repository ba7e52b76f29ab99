"""What a call used, as far as its provider told and as we estimate the rest."""

import pytest

from stockyard.core.money import Usage
from stockyard.upstream.reckoning import usage_of_whole
from tests.builders import an_answer, an_exchange

PROMPT, ANSWER = "word " * 100, "word " * 100
ABOUT = 100
"""Tokens of each, within a third."""


@pytest.mark.parametrize(
    ("told", "prompt_is_told", "answer_is_told"),
    [
        (Usage(in_fresh=7, out_text=400), True, True),
        (Usage(in_fresh=7, out_text=1, flags=("completion_missing",)), True, False),
        (Usage(out_text=3, flags=("prompt_missing",)), False, True),
        (Usage(out_text=400), False, True),
        (None, False, False),
    ],
)
def test_counts_that_were_not_told_are_estimated_and_those_told_stand(
    told: Usage | None, prompt_is_told: bool, answer_is_told: bool
) -> None:
    used = usage_of_whole(an_exchange(PROMPT), an_answer(ANSWER, usage=told))
    assert used is not None
    assert (told is not None and used.prompt == told.prompt) is prompt_is_told
    assert (told is not None and used.completion == told.completion) is answer_is_told
    assert prompt_is_told or abs(used.prompt - ABOUT) < ABOUT
    assert answer_is_told or abs(used.completion - ABOUT) < ABOUT
