"""Calls, tokens and concurrency, counted exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.core.ports import Charge, Room, Verdict
from stockyard.storage.limits import LocalLimits
from tests.builders import HandClock


def charge(
    subject: str = "key:a",
    row: str = "0",
    *,
    calls: int = 0,
    tokens: int = 0,
    concurrent: int = 0,
    per: float = 60,
    burst: int = 0,
) -> Charge:
    return Charge(subject, row, calls, tokens, concurrent, per, burst)


class Gate:
    """Limits on a clock moved by hand."""

    def __init__(self, **options: float) -> None:
        self.clock = HandClock()
        self.limits = LocalLimits(self.clock.ns, **options)  # type: ignore[arg-type]  # options by their names
        self.leases = 0

    def take(self, *charges: Charge, tokens: int = 0) -> Verdict:
        self.leases += 1
        return self.limits.take(charges, tokens=tokens, lease=str(self.leases))

    def settle(self, *charges: Charge, reserved: int = 0, used: int = 0, lease: int = 0) -> None:
        lease = lease or self.leases
        self.limits.settle(charges, reserved=reserved, used=used, lease=str(lease))


def test_sixty_per_minute_with_a_burst_of_ten() -> None:
    gate = Gate()
    verdicts = [gate.take(charge(calls=60, burst=10)) for _ in range(100)]
    assert [v.allowed for v in verdicts] == [True] * 10 + [False] * 90
    assert verdicts[-1].failed == "calls"
    assert verdicts[-1].retry_after == 1
    gate.clock.advance(1)
    assert gate.take(charge(calls=60, burst=10)).allowed
    assert not gate.take(charge(calls=60, burst=10)).allowed


def test_three_thousand_calls_at_once_pass_exactly_a_thousand() -> None:
    gate = Gate()
    assert sum(gate.take(charge(calls=1000, per=7)).allowed for _ in range(3000)) == 1000


@pytest.mark.parametrize("row", ["0", "1"])
def test_limits_over_one_subject_count_apart(row: str) -> None:
    gate = Gate()
    gate.take(charge(row="0", calls=1))
    assert gate.take(charge(row=row, calls=1)).allowed is (row != "0")


def test_a_debt_of_tokens_is_waited_for() -> None:
    gate = Gate()
    row = charge(tokens=1000)
    assert gate.take(row, tokens=100).allowed
    gate.settle(row, reserved=100, used=5000)
    refused = gate.take(row, tokens=100)
    assert refused.failed == "tokens"
    assert refused.retry_after == pytest.approx((5000 - 1000 + 100) * 0.06)
    gate.clock.advance(refused.retry_after - 0.01)
    assert not gate.take(row, tokens=100).allowed
    gate.clock.advance(0.02)
    assert gate.take(row, tokens=100).allowed


def test_a_debt_is_owed_from_when_it_became_known() -> None:
    gate = Gate()
    row = charge(tokens=1000)
    gate.take(row, tokens=10)
    gate.clock.advance(3600)
    gate.settle(row, reserved=10, used=5010)
    assert gate.take(row, tokens=1000).retry_after == pytest.approx(5000 * 0.06)


def test_tokens_that_were_not_used_come_back() -> None:
    gate = Gate()
    row = charge(tokens=1000)
    gate.take(row, tokens=1000)
    assert not gate.take(row, tokens=1).allowed
    gate.settle(row, reserved=1000, used=0, lease=1)
    assert gate.take(row, tokens=1000).allowed


def test_a_call_larger_than_the_limit_passes_when_the_bucket_is_full() -> None:
    gate = Gate()
    row = charge(tokens=1000)
    assert gate.take(row, tokens=9999).allowed
    assert not gate.take(row, tokens=1).allowed


def test_concurrency_is_freed_when_the_call_ends() -> None:
    gate = Gate()
    row = charge(concurrent=2)
    assert gate.take(row).allowed
    assert gate.take(row).allowed
    refused = gate.take(row)
    assert (refused.allowed, refused.failed, refused.limit) == (False, "concurrent", 2)
    gate.settle(row, lease=1)
    assert gate.take(row).allowed


def test_leases_nobody_ended_free_themselves() -> None:
    gate = Gate(lease_seconds=30)
    row = charge(concurrent=5)
    assert all(gate.take(row).allowed for _ in range(5))
    gate.clock.advance(29)
    assert not gate.take(row).allowed
    gate.clock.advance(1)
    assert all(gate.take(row).allowed for _ in range(5))


def test_a_limit_that_fails_leaves_the_others_uncharged() -> None:
    gate = Gate()
    few, many, slots = (
        charge(row="0", calls=1),
        charge(row="1", tokens=10),
        charge(row="2", concurrent=1),
    )
    assert gate.take(few).allowed
    assert not gate.take(few, many, slots, tokens=10).allowed
    passed = gate.take(many, slots, tokens=10)
    assert passed.allowed
    assert passed.remaining == 0


def test_tells_the_tightest_limit_and_each_sort() -> None:
    gate = Gate()
    calls, tokens = charge(row="0", calls=10, per=10), charge(row="1", tokens=100, per=10)
    verdict = gate.take(calls, tokens, tokens=75)
    assert verdict.row == "1"
    assert (verdict.limit, verdict.remaining, verdict.reset_seconds) == (100, 25, 7.5)
    assert verdict.calls == Room(10, 9, 1.0)
    assert verdict.tokens == Room(100, 25, 7.5)


def test_a_full_table_forgets_only_subjects_that_are_idle() -> None:
    gate = Gate(max_subjects=50)
    spent = charge("key:spent", calls=1, per=3600)
    assert gate.take(spent).allowed
    for number in range(500):
        gate.take(charge(f"key:{number}", calls=1, per=1))
        gate.clock.advance(1)
    assert gate.limits.subjects <= 51
    assert not gate.take(spent).allowed


def test_no_crowd_of_new_subjects_refills_an_empty_bucket() -> None:
    gate = Gate(max_subjects=20)
    names = [f"key:{number}" for number in range(100)]
    passed = [name for name in names if gate.take(charge(name, calls=1, per=3600)).allowed]
    again = [name for name in names if gate.take(charge(name, calls=1, per=3600)).allowed]
    assert len(passed) == 21  # those in the table, and one that used up the shared bucket
    assert again == []
    assert gate.limits.subjects <= 21


def test_a_subject_that_gets_its_own_place_brings_its_debt() -> None:
    gate = Gate(max_subjects=2)
    for name, per in (("a", 10), ("b", 10), ("late", 100)):
        assert gate.take(charge(name, calls=1, per=per)).allowed
    gate.clock.advance(60)
    assert not gate.take(charge("late", calls=1, per=100)).allowed
    gate.clock.advance(40)
    assert gate.take(charge("late", calls=1, per=100)).allowed


def test_a_lease_from_the_shared_place_is_ended_there() -> None:
    gate = Gate(max_subjects=1)
    assert gate.take(charge("a", concurrent=1)).allowed
    assert gate.take(charge("b", concurrent=1)).allowed
    assert not gate.take(charge("c", concurrent=1)).allowed
    gate.settle(charge("b", concurrent=1), lease=2)
    assert gate.take(charge("c", concurrent=1)).allowed


@given(
    calls=st.integers(1, 50),
    per=st.integers(1, 100),
    burst=st.integers(0, 60),
    gaps=st.lists(st.floats(0, 20), max_size=120),
)
def test_no_window_ever_holds_more_calls_than_allowed(
    calls: int, per: int, burst: int, gaps: list[float]
) -> None:
    gate = Gate()
    row = charge(calls=calls, per=per, burst=burst)
    passed: list[int] = []
    for gap in gaps:
        gate.clock.advance(gap)
        if gate.take(row).allowed:
            passed.append(gate.clock.ns())
    most, interval = burst or calls, per * 10**9 / calls
    for i, start in enumerate(passed):
        for j in range(i, len(passed)):
            assert j - i + 1 <= most + (passed[j] - start) / interval


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.floats(0, 30)), max_size=60))
def test_tokens_used_never_outrun_the_limit_by_more_than_one_call(
    steps: list[tuple[int, int, float]],
) -> None:
    gate = Gate()
    row = charge(tokens=1000, per=60)
    begun, used_in_all, largest = gate.clock.ns(), 0, 0
    for estimate, used, gap in steps:
        gate.clock.advance(gap)
        if not gate.take(row, tokens=estimate).allowed:
            continue
        gate.settle(row, reserved=estimate, used=used)
        used_in_all += used
        largest = max(largest, used)
        refilled = (gate.clock.ns() - begun) / (60e9 / 1000)
        assert used_in_all <= 1000 + refilled + largest


def test_who_has_not_called_for_long_is_forgotten_as_others_come() -> None:
    gate = Gate()
    for number in range(1000):
        gate.take(charge(f"key:{number}", calls=5))
    gate.clock.advance(61)
    for number in range(1000, 1600):
        gate.take(charge(f"key:{number}", calls=5))
    assert gate.limits.subjects <= 700


def test_who_was_forgotten_during_a_call_owes_what_it_used() -> None:
    gate = Gate()
    row = charge("key:slow", tokens=1000)
    gate.take(row, tokens=10)
    gate.clock.advance(3600)
    for number in range(10):
        gate.take(charge(f"key:{number}", calls=5))
    gate.settle(row, reserved=10, used=5010, lease=1)
    assert gate.take(row, tokens=1000).retry_after == pytest.approx(5000 * 0.06)


@pytest.mark.parametrize(
    ("row", "used"), [(charge("key:slow", tokens=1000), 0), (charge("key:slow", calls=9), 99)]
)
def test_who_was_forgotten_and_owes_nothing_stays_forgotten(row: Charge, used: int) -> None:
    gate = Gate()
    gate.take(row, tokens=10)
    gate.clock.advance(3600)
    for number in range(10):
        gate.take(charge(f"key:{number}", calls=5))
    before = gate.limits.subjects
    gate.settle(row, reserved=10, used=used, lease=1)
    assert gate.limits.subjects == before


def test_who_is_still_held_by_a_limit_is_not_forgotten_for_others() -> None:
    gate = Gate()
    busy = charge("key:busy", calls=1, per=1_000_000)
    assert gate.take(busy).allowed
    gate.clock.advance(61)
    for number in range(100):
        gate.take(charge(f"key:{number}", calls=5), charge(f"user:{number}", "1", calls=5))
        gate.clock.advance(61)
    assert not gate.take(busy).allowed
    assert gate.limits.subjects < 20


def test_all_limits_of_a_first_call_are_charged() -> None:
    gate = Gate()
    both = (charge("key:a", calls=1), charge("user:a", "1", calls=1))
    assert gate.take(*both).allowed
    assert not gate.take(both[0]).allowed
    assert not gate.take(both[1]).allowed


def test_a_process_that_takes_over_goes_on_counting_where_the_other_stopped() -> None:
    before, after = Gate(), Gate()
    limit = charge(calls=5)
    for _ in range(4):
        assert before.take(limit).allowed
    assert before.take(charge("key:other", tokens=100), tokens=100).allowed
    kept = before.limits.snapshot(most=10)
    assert [one.subject for one in kept] == ["key:a", "key:other"]
    after.limits.take_over(kept)
    assert after.take(limit).allowed
    refused = after.take(limit)
    assert (refused.allowed, refused) == (False, before_refuses(before, limit))
    assert not after.take(charge("key:other", tokens=100), tokens=1).allowed


def before_refuses(before: Gate, limit: Charge) -> Verdict:
    """What the process before would say after the same five calls."""
    assert before.take(limit).allowed
    return before.take(limit)


def test_only_what_is_owed_is_handed_over_and_only_so_much_of_it() -> None:
    gate = Gate()
    for number in range(5):
        gate.take(charge(f"key:{number}", calls=60))
    assert len(gate.limits.snapshot(most=3)) == 3
    gate.clock.advance(60)
    assert gate.limits.snapshot(most=10) == []


@pytest.mark.parametrize(("before", "after", "left"), [(10, 20, 12), (20, 10, 2), (8, 8, 0)])
def test_what_was_taken_stays_taken_when_a_limit_changes(
    before: int, after: int, left: int
) -> None:
    gate = Gate()
    for _ in range(8):
        assert gate.take(charge(calls=before, per=3600)).allowed
    passed = [gate.take(charge(calls=after, per=3600)).allowed for _ in range(40)]
    assert sum(passed) == left


def test_tokens_that_were_taken_stay_taken_and_come_back_at_their_new_worth() -> None:
    gate = Gate()
    assert gate.take(charge(tokens=1000), tokens=800).allowed
    assert gate.take(charge(tokens=4000), tokens=100).calls is None
    # Of the 900 that were taken by now, the first call used 300 of its 800.
    gate.settle(charge(tokens=1000), reserved=800, used=300, lease=1)
    verdict = gate.take(charge(tokens=4000), tokens=1)
    assert verdict.remaining == 4000 - 300 - 100 - 1
