"""Work that recurs as long as there is any, even when it breaks."""

import asyncio
from typing import Any

from stockyard.testing.yard import becomes
from stockyard.upstream.recurring import Recurring


async def test_work_recurs_until_nothing_is_left() -> None:
    left = [3, 2, 1]

    def work() -> bool:
        left.pop()
        return bool(left)

    Recurring(0.001, work).wake()
    assert await becomes(lambda: not left)


async def test_a_round_that_breaks_is_not_the_last() -> None:
    rounds: list[int] = []
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told_: told.append(told_))

    def work() -> bool:
        rounds.append(1)
        if len(rounds) == 1:
            raise ZeroDivisionError
        return False

    Recurring(0.001, work).wake()
    assert await becomes(lambda: len(rounds) == 2)
    assert isinstance(told[0]["exception"], ZeroDivisionError)
