"""How a module is doing: when it is left out, and when it is tried again."""

import pytest

from stockyard.core.standing import FAILURES, MAX_PROBE_SECONDS, PROBE_SECONDS, Standing
from tests.builders import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def standing(clock: HandClock) -> Standing:
    return Standing(clock.now)


def test_a_module_that_held_the_loop_is_left_out_at_once_and_for_longer_each_time(
    standing: Standing, clock: HandClock
) -> None:
    waits = []
    for _ in range(9):
        waits.append(standing.held_the_loop())
        assert standing.tripped
        clock.advance(waits[-1] - 1)
        assert not standing.may_probe()
        clock.advance(1)
        assert standing.may_probe()
        standing.worked()  # the probe came back; that it held the loop is told after that
        assert not standing.tripped

    assert waits[:3] == [2 * PROBE_SECONDS, 4 * PROBE_SECONDS, 8 * PROBE_SECONDS]
    assert waits[-1] == MAX_PROBE_SECONDS
    assert (standing.trips, standing.failures) == (9, 9)


def test_a_call_that_began_before_the_trip_does_not_end_it(
    standing: Standing, clock: HandClock
) -> None:
    for _ in range(FAILURES):
        standing.failed()
    standing.worked()
    assert standing.tripped

    clock.advance(PROBE_SECONDS)
    assert standing.may_probe()
    standing.worked()
    assert not standing.tripped


def test_a_probe_that_fails_does_not_let_another_call_end_the_trip(
    standing: Standing, clock: HandClock
) -> None:
    for _ in range(FAILURES):
        standing.failed()
    clock.advance(PROBE_SECONDS)
    assert standing.may_probe()
    standing.failed()
    standing.worked()
    assert standing.tripped
