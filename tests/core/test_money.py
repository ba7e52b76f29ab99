"""What several calls used together."""

import pytest

from stockyard.core.money import Usage, together, total_of

COHERE = Usage(in_fresh=10, out_text=4, billed_in=3, billed_out=2)
OPENAI = Usage(in_fresh=100, in_cached=7, out_text=40, out_reasoning=1)


def test_every_count_is_added() -> None:
    one = Usage(in_fresh=1, in_audio=1, units={"image": 1}, server_tools={"web_search": 2})
    other = Usage(in_fresh=2, out_text=5, units={"image": 2, "second": 3}, source="estimated")
    assert total_of([one, other]) == Usage(
        in_fresh=3,
        in_audio=1,
        out_text=5,
        units={"image": 3, "second": 3},
        server_tools={"web_search": 2},
        source="mixed",
    )


@pytest.mark.parametrize("usages", [[COHERE, OPENAI], [OPENAI, COHERE]])
def test_tokens_are_paid_for_where_only_another_said_what_it_bills(usages: list[Usage]) -> None:
    total = total_of(usages)
    assert total is not None
    assert (total.billed_in, total.billed_out) == (3 + 107, 2 + 41)


def test_usage_that_one_call_did_not_tell_makes_the_total_unknown() -> None:
    assert total_of([COHERE, None]) is None
    assert together(COHERE, None) == together(None, COHERE) == COHERE
    assert together(None, None) is None
