"""Texts read in parts and in turns: the same is found, nobody waits long, and there is an end."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockyard.core.scan import call_search
from stockyard.core.scan.call_search import TURN_TRIES, CallSearch
from stockyard.core.scan.matcher import RuleMatcher
from stockyard.core.scan.rule import pack, sample
from stockyard.errors import Refused

PII = RuleMatcher(pack("pii").rule, least=0.6)
SECRETS = RuleMatcher(pack("secrets").rule)
SAMPLES = [
    sample(text)
    for name in ("pii", "secrets")
    for rule in pack(name).rule
    for text in (*rule.positive, *rule.negative)
]


@settings(max_examples=60)
@given(
    text=st.lists(st.sampled_from([*SAMPLES, "é", "tel ", "\n", "火", "1", "@"]), max_size=12),
    tries=st.integers(1, 9),
)
def test_a_search_in_parts_finds_what_it_finds_at_once(text: list[str], tries: int) -> None:
    whole = " ".join(text)
    for matcher in (PII, SECRETS):
        search = matcher.search(whole)
        while not search.done:
            search.go_on(tries)
        assert matcher.spans(search) == matcher.find(whole)


@pytest.mark.parametrize("unit", ["1.2.3.4 ", "a@b.co ", "é 212-555-0198 ", "x"])
def test_tries_grow_with_what_is_searched(unit: str) -> None:
    once, twice = PII.search(unit * 2_000), PII.search(unit * 4_000)
    few, many = once.go_on(), twice.go_on()
    assert few * 1.8 <= many <= few * 2.2 + 20


def test_a_rule_is_given_up_where_no_word_stands_that_it_needs() -> None:
    """Three groups of digits are a number of somebody's only beside a word that says so."""
    table = "123 456 789 " * 2_000
    with_words = table + next(rule for rule in pack("pii").rule if rule.id == "ca-sin").positive[0]
    without, search = PII.search(table), PII.search(with_words)
    assert without.go_on() < 1_000
    assert search.go_on() > 5_000
    assert (PII.spans(without), len(PII.spans(search))) == ([], 1)


class Turns:
    """An `offload` that counts how often it is asked."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, work: Callable[[], bool]) -> bool:
        self.taken += 1
        return work()


async def test_dense_texts_are_read_in_several_turns_and_others_in_one() -> None:
    plain, dense = Turns(), Turns()
    one = CallSearch()
    for text in ("nothing here", "nor here"):
        one.want(PII, text)
    await one.in_turns(plain)
    several = CallSearch()
    text = "1.2.3.4 " * (TURN_TRIES + 100)
    several.want(PII, text)
    several.want(SECRETS, text)
    await several.in_turns(dense)
    assert (plain.taken, dense.taken) == (1, 2)
    assert several.find(PII, text) == PII.find(text)


async def test_a_text_that_was_not_announced_is_read_when_asked() -> None:
    await (asked := CallSearch()).in_turns(Turns())
    assert [span.rule for span in asked.find(PII, "write to ann@acme.org")] == ["email"]


async def test_a_call_that_costs_too_much_is_refused_and_a_repeat_is_not_advised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call_search, "MOST_TRIES", 1_000)
    dense = CallSearch()
    for n in range(3):
        dense.want(PII, f"{n} " + "1.2.3.4 " * 400)
    with pytest.raises(Refused) as refused:
        await dense.in_turns(Turns())
    assert (refused.value.status, refused.value.code) == (503, "module_failed")
    assert refused.value.retry_after is None


async def test_a_call_that_waits_too_long_for_its_turns_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call_search, "PATIENCE", -1)
    late = CallSearch()
    late.want(PII, "1.2.3.4 " * (TURN_TRIES + 100))
    with pytest.raises(Refused) as refused:
        await late.in_turns(Turns())
    assert (refused.value.code, refused.value.retry_after) == ("overloaded", 5)


def test_the_bound_holds_for_all_texts_of_a_call_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_search, "MOST_TRIES", 1_000)
    call = CallSearch()
    assert len(call.find(PII, "1.2.3.4 " * 600)) == 600
    assert len(call.find(PII, "1.2.3.4 " * 600)) == 600
    with pytest.raises(Refused):
        call.find(PII, "1.2.3.5 " * 600)
