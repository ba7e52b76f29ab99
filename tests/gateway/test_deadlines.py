"""One clock for the deadlines of all connections, and the pace at which bytes must move."""

import asyncio
import time

from stockyard.gateway.deadlines import NEVER, DeadlineClock, Pace


class Waiting:
    """Something with a deadline, which remembers that it was told that it has passed."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.missed = asyncio.Event()

    def overdue(self) -> None:
        self.missed.set()
        self.deadline = NEVER


async def test_only_what_has_passed_its_deadline_is_told() -> None:
    late, patient = Waiting(0.01), Waiting(60)
    clock = DeadlineClock([late, patient], 0.01)
    clock.start(asyncio.get_running_loop())
    async with asyncio.timeout(10):
        await late.missed.wait()
    clock.stop()
    assert not patient.missed.is_set()


async def test_a_blocked_loop_does_not_count_against_the_clients() -> None:
    clock = DeadlineClock([], 0.01)
    clock.start(asyncio.get_running_loop())
    time.sleep(0.3)  # noqa: ASYNC251  # exactly what must not be blamed on anybody
    await asyncio.sleep(0.05)
    clock.stop()
    assert 0 < clock.now < 0.2


def test_a_pace_is_judged_at_the_end_of_each_span() -> None:
    pace = Pace(now=0, moved=0, span_s=10, rate_bytes_per_s=100)
    assert not pace.too_slow(9.9, 0)
    assert not pace.too_slow(10, 1000)
    assert not pace.too_slow(19.9, 1000)
    assert pace.too_slow(20, 1999)
