"""Aliases of several Targets: which of them a call tries first."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.target import Target
from stockyard.errors import CannotStart
from stockyard.providers.group import Group, Strategy
from stockyard.settings import load
from stockyard.testing.yard import Yard

A, B, C = (Target("p", name) for name in "abc")
SHARES = ((A,), (B,), (C,))


def firsts(group: Group, calls: int = 6) -> str:
    return "".join(group.in_order(SHARES)[0].model for _ in range(calls))


@pytest.mark.parametrize(
    ("strategy", "weights", "order"),
    [
        ("first", (), "aaaaaa"),
        ("round_robin", (), "abcabc"),
        ("weighted", (), "abcabc"),
        ("weighted", (3, 2, 1), "abacba"),
        ("weighted", (1, 0, 1), "acacac"),
    ],
)
def test_the_strategy_decides_who_is_first(
    strategy: Strategy, weights: tuple[int, ...], order: str
) -> None:
    assert firsts(Group("abc", strategy, weights=weights)) == order


@given(st.lists(st.integers(0, 20), min_size=3, max_size=3).filter(any))
def test_shares_are_kept_exactly(weights: list[int]) -> None:
    counted = Counter(firsts(Group("abc", "weighted", weights=weights), calls=2 * sum(weights)))
    assert [counted[name] for name in "abc"] == [2 * weight for weight in weights]


@pytest.mark.parametrize("strategy", ["least_latency", "least_busy"])
def test_the_least_of_what_was_measured_is_first_and_the_unknown_before(strategy: Strategy) -> None:
    measured = {"a": 30.0, "b": 10.0, "c": None}
    group = Group(
        "abc",
        strategy,
        latency_us=lambda t: measured[t.model],
        in_flight=lambda t: measured[t.model],
    )
    assert [target.model for target in group.in_order(SHARES)] == ["c", "b", "a"]


@pytest.mark.parametrize("strategy", ["first", "weighted", "round_robin", "least_busy"])
def test_every_target_that_can_be_called_comes_once(strategy: Strategy) -> None:
    group = Group("abc", strategy)
    for _ in range(4):
        assert set(group.in_order(SHARES)) == {A, B, C}
        assert set(group.in_order(((A,), (), (C,)))) == {A, C}
        assert group.in_order(((), (), ())) == ()


TARGETS = ["openai/gpt-one", "anthropic/claude-two"]


async def test_calls_alternate_between_the_targets_of_an_alias(yard: Yard) -> None:
    openai = yard.provider("openai").says("one")
    anthropic = yard.provider("anthropic").says("two")
    yard.set("aliases", {"smart": {"strategy": "round_robin", "targets": TARGETS}})
    texts = [(await yard.chat("hi", model="smart")).text for _ in range(4)]
    assert texts == ["one", "two", "one", "two"]
    assert len(openai.requests) == len(anthropic.requests) == 2


async def test_failover_goes_on_to_the_next_of_them(yard: Yard) -> None:
    yard.provider("openai").fails(503)
    yard.provider("anthropic").says("two")
    yard.set("aliases", {"smart": {"targets": TARGETS}})
    yard.enable("failover")
    answer = await yard.chat("hi", model="smart")
    assert answer.text == "two"
    assert yard.last.attempts == ["openai 503", "anthropic 200"]


async def test_an_alias_whose_first_target_cannot_be_called_has_the_next(yard: Yard) -> None:
    yard.provider("anthropic").says("two")
    yard.set("aliases", {"smart": {"targets": TARGETS}})
    assert (await yard.chat("hi", model="smart")).text == "two"


@pytest.mark.parametrize(
    ("alias", "fault"),
    [
        ({"strategy": "auction", "targets": TARGETS}, "strategy"),
        ({"targets": TARGETS, "weights": [1, 2]}, "only used with"),
        ({"strategy": "weighted", "targets": TARGETS, "weights": [1]}, "one for each"),
        ({"strategy": "weighted", "targets": TARGETS, "weights": [0, 0]}, "must not all be 0"),
        ({"targets": ["a/b"] * 201}, "at most 200"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_start(
    tmp_path: Path, alias: dict[str, object], fault: str
) -> None:
    with pytest.raises(CannotStart, match=fault):
        load({"aliases": {"smart": alias}}, {}, tmp_path)
