"""Breakers, latency and calls in flight."""

from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.ports import BreakerRule
from stockyard.core.target import Credential, Secret, Target
from stockyard.upstream.health import TargetHealth
from tests.builders import HandClock

T = Target("one", "m")
RULE = BreakerRule(error_ratio=0.5, min_calls=4, window_seconds=30, open_seconds=10)


def health(**options: float) -> tuple[TargetHealth, HandClock]:
    clock = HandClock()
    return TargetHealth(clock.now, **options), clock  # type: ignore[arg-type]  # options by their names


def call(h: TargetHealth, target: Target = T, *, ok: bool, retry_after: float = 0) -> str | None:
    """One whole call that was let through."""
    assert h.allow(target)
    change = h.report(target, ok=ok, retry_after=retry_after, rule=RULE)
    h.forget(target)
    return change


def opened() -> tuple[TargetHealth, HandClock]:
    h, clock = health()
    for _ in range(4):
        call(h, ok=False)
    assert not h.allow(T)
    return h, clock


def test_a_breaker_opens_when_enough_calls_fail() -> None:
    h, _ = health()
    changes = [call(h, ok=ok) for ok in (True, False, True, False)]
    assert changes == [None, None, None, "opened"]
    assert not h.allow(T)
    assert h.reopens_in(T) == 10


def test_too_few_calls_prove_nothing() -> None:
    h, _ = health()
    for _ in range(3):
        assert call(h, ok=False) is None
    assert h.allow(T)


def test_failures_before_the_window_do_not_count() -> None:
    h, clock = health()
    for _ in range(3):
        call(h, ok=False)
    clock.advance(31)
    assert call(h, ok=False) is None


def test_a_failing_target_does_not_open_the_breaker_of_another() -> None:
    h, _ = opened()
    ours = Target("one", "m", Credential("cred_2", "one", Secret("s")))
    assert h.allow(Target("one", "other"))
    assert h.allow(ours)


def test_a_half_open_breaker_lets_exactly_one_of_fifty_calls_through() -> None:
    h, clock = opened()
    clock.advance(10)
    assert [h.allow(T) for _ in range(50)].count(True) == 1


def test_three_successes_close_a_breaker() -> None:
    h, clock = opened()
    clock.advance(10)
    assert [call(h, ok=True) for _ in range(3)] == [None, None, "closed"]
    assert all(h.allow(T) for _ in range(5))


def test_a_failed_probe_doubles_the_time_up_to_ten_minutes() -> None:
    h, clock = opened()
    times = []
    for _ in range(8):
        clock.advance(h.reopens_in(T))
        assert call(h, ok=False) == "opened"
        times.append(h.reopens_in(T))
    assert times == [20, 40, 80, 160, 320, 600, 600, 600]


def test_a_probe_whose_caller_left_gives_its_place_back() -> None:
    h, clock = opened()
    clock.advance(10)
    assert h.allow(T)
    h.forget(T)
    assert h.allow(T)


def test_a_lost_probe_frees_its_place_by_itself() -> None:
    h, clock = opened()
    clock.advance(10)
    assert h.allow(T)
    assert h.reopens_in(T) == 120
    clock.advance(120)
    assert h.allow(T)


def test_a_provider_that_says_when_to_return_is_left_alone_until_then() -> None:
    h, clock = health()
    assert call(h, ok=False, retry_after=7) == "opened"
    assert not h.allow(T)
    assert h.reopens_in(T) == 7
    clock.advance(7)
    assert all(h.allow(T) for _ in range(5))


def test_verdicts_of_calls_that_began_earlier_do_not_prolong_the_time() -> None:
    h, clock = opened()
    clock.advance(5)
    assert h.report(T, ok=False, rule=RULE) is None
    assert h.reopens_in(T) == 5


def test_latency_is_a_moving_average() -> None:
    h, _ = health()
    assert h.latency_us(T) is None
    h.report(T, ok=True, first_byte_us=1000)
    h.report(T, ok=True, first_byte_us=2000)
    assert h.latency_us(T) == 1200


def test_calls_in_flight_are_those_let_through_and_not_over() -> None:
    h, _ = health()
    h.allow(T)
    h.allow(T)
    h.report(T, ok=True)
    assert h.in_flight(T) == 2
    h.forget(T)
    assert h.in_flight(T) == 1
    h.forget(T)
    h.forget(T)
    assert h.in_flight(T) == 0


def test_the_table_is_bounded_and_keeps_what_is_failing() -> None:
    h, _ = health(max_targets=10)
    for _ in range(4):
        call(h, ok=False)
    for number in range(100):
        call(h, Target("one", f"m{number}"), ok=True)
    assert len(h.states()) == 10
    assert not h.allow(T)


def test_states_tell_what_is_failing_and_a_reset_lets_calls_through() -> None:
    h, _ = opened()
    (state,) = h.states()
    assert (state.provider, state.model, state.state, state.failures) == ("one", "m", "open", 4)
    assert h.reset(state.id)
    assert not h.reset("no such id")
    assert h.allow(T)


@given(st.lists(st.tuples(st.sampled_from(["call", "fail", "leave", "wait"]), st.integers(0, 40))))
def test_a_target_is_asked_again_one_day_whatever_happens(steps: list[tuple[str, int]]) -> None:
    h, clock = health()
    for step, seconds in steps:
        clock.advance(seconds)
        if step == "wait" or not h.allow(T):
            continue
        if step != "leave":
            h.report(T, ok=step == "call", rule=RULE)
        h.forget(T)
        assert h.in_flight(T) == 0
    clock.advance(h.reopens_in(T))
    assert h.allow(T)


def test_a_process_that_takes_over_avoids_the_same_targets_for_as_long() -> None:
    before, clock = opened()
    other = Target("two", "m")
    call(before, other, ok=False, retry_after=30)
    call(before, Target("three", "m"), ok=True)
    after = TargetHealth(clock.now)
    after.take_over(before.snapshot())
    assert not after.allow(T)
    assert after.reopens_in(T) == before.reopens_in(T) == 10
    assert after.reopens_in(other) == 30
    assert after.by_provider() == {"one": "open", "two": "cooling"}
    clock.advance(10)
    assert after.allow(T)
    after.forget(T)
