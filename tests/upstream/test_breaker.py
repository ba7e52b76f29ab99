"""The states of a circuit breaker, on a clock that is moved by hand."""

import pytest

from stockyard.core.ports import BreakerRule
from stockyard.upstream.breaker import MAX_OPEN_SECONDS, SUCCESSES_TO_CLOSE, Breaker

RULE = BreakerRule(error_ratio=0.5, min_calls=4, window_seconds=30, open_seconds=10)
LEASE = 5.0


def fail(breaker: Breaker, now: float, times: int = 1) -> bool:
    opened = False
    for _ in range(times):
        breaker.count(now, RULE.window_seconds, ok=False)
        opened = breaker.failed(now, RULE)
    return opened


def an_open_breaker() -> Breaker:
    breaker = Breaker()
    assert fail(breaker, 0, RULE.min_calls)
    return breaker


def test_a_breaker_stays_closed_below_the_minimum_of_calls() -> None:
    breaker = Breaker()
    assert not fail(breaker, 0, RULE.min_calls - 1)
    assert breaker.state(0) == "closed"


def test_a_breaker_stays_closed_below_the_share_of_failures() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.count(0, RULE.window_seconds, ok=True)
    assert not fail(breaker, 0, RULE.min_calls)


def test_failures_outside_the_window_do_not_count() -> None:
    breaker = Breaker()
    fail(breaker, 0, RULE.min_calls - 1)
    assert not fail(breaker, RULE.window_seconds + 1)


@pytest.mark.parametrize(("now", "state"), [(0, "open"), (9.9, "open"), (10, "half_open")])
def test_a_breaker_is_open_for_as_long_as_the_rule_says(now: float, state: str) -> None:
    assert an_open_breaker().state(now) == state


def test_a_half_open_breaker_lets_one_probe_through_until_its_lease_ends() -> None:
    breaker = an_open_breaker()
    allowed = [breaker.allow(now, LEASE) for now in (10, 10, 14.9, 15)]
    assert allowed == [True, False, False, True]


def test_successful_probes_close_a_breaker() -> None:
    breaker = an_open_breaker()
    closed = [breaker.succeeded(10) for _ in range(SUCCESSES_TO_CLOSE)]
    assert closed == [False] * (SUCCESSES_TO_CLOSE - 1) + [True]
    assert breaker.allow(10, LEASE)


def test_a_failed_probe_doubles_the_time_up_to_a_bound() -> None:
    breaker = an_open_breaker()
    now = 0.0
    spans = []
    for _ in range(10):
        now = breaker.open_until
        fail(breaker, now)
        spans.append(breaker.open_until - now)
    assert spans[:3] == [20, 40, 80]
    assert spans[-1] == MAX_OPEN_SECONDS


def test_while_cooling_no_call_passes() -> None:
    breaker = Breaker()
    breaker.cool(7)
    assert (breaker.state(6.9), breaker.state(7)) == ("cooling", "closed")
    assert breaker.reopens_in(5) == 2
