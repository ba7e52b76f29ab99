"""Smooth weighted round-robin: in proportion to the weights, and spread evenly."""

from collections import Counter

import pytest

from stockyard.core.roundrobin import RoundRobin


@pytest.mark.parametrize(
    ("weights", "turns"),
    [
        ((1,), "aaaa"),
        ((1, 1), "abab"),
        ((5, 1, 1), "aabacaa"),
        ((2, 1), "abaaba"),
        ((1, 0), "aaaa"),
    ],
)
def test_turns_follow_the_weights(weights: tuple[int, ...], turns: str) -> None:
    shares = list(zip("abc", weights, strict=False))
    order = RoundRobin()
    assert "".join(shares[order.next(shares)][0] for _ in turns) == turns


def test_a_candidate_that_comes_later_gets_its_share() -> None:
    order = RoundRobin()
    for _ in range(10):
        order.next([("a", 1)])
    shares = [("a", 1), ("b", 1)]
    assert Counter(shares[order.next(shares)][0] for _ in range(10)) == {"a": 5, "b": 5}
