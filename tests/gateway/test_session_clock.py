"""When a realtime session must end, and when both of its sides are pinged."""

import pytest

from stockyard.gateway.session_clock import (
    DEAD_SECONDS,
    PING_SECONDS,
    Lasting,
    SessionClock,
)

LASTING = Lasting(idle_seconds=100, total_seconds=1000)


@pytest.mark.parametrize(
    ("now", "spoken", "client", "provider", "reason"),
    [
        (999, 950, 999, 999, None),
        (1001, 1000, 1001, 1001, "lasted too long"),
        (101, 0, 101, 101, "Nobody says anything"),
        (DEAD_SECONDS + 10, 50, 9, DEAD_SECONDS + 10, "fell silent"),
        (DEAD_SECONDS + 10, 50, DEAD_SECONDS + 10, 9, "fell silent"),
        (DEAD_SECONDS + 10, 50, 10, 10, None),
    ],
)
def test_a_session_ends_for_its_age_for_idleness_and_for_a_silent_side(
    now: float, spoken: float, client: float, provider: float, reason: str | None
) -> None:
    clock = SessionClock(LASTING, 0)
    clock.spoken(spoken)
    clock.heard(client)
    overdue = clock.overdue(now, provider)
    assert (overdue is None) is (reason is None)
    if overdue is not None and reason is not None:
        assert reason in overdue.reason


def test_both_sides_are_pinged_once_for_each_span_of_silence() -> None:
    clock = SessionClock(LASTING, 0)
    later = PING_SECONDS + 1
    assert not clock.pings_now(PING_SECONDS, 0)
    assert clock.pings_now(later, 0)
    assert not clock.pings_now(later + 1, 0)
    assert clock.pings_now(2 * later, 0)


def test_a_side_that_was_heard_is_not_pinged() -> None:
    clock = SessionClock(LASTING, 0)
    clock.heard(PING_SECONDS)
    assert not clock.pings_now(PING_SECONDS + 1, PING_SECONDS)
