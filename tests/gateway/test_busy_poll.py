"""While the loop is kept awake it asks its selector for what is there, and never waits."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from stockyard.core.outbox import Outbox, Outlet
from stockyard.gateway.busy_poll import FEW, LEFT_OUT, MOST_VAIN, BusyPoll

SECONDS = 0.002
LATER = 2 * SECONDS
LONG = 0.05


class Watched(selectors.DefaultSelector):
    """Notes how long the loop was ready to sleep, each time it asked."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[float | None] = []

    def select(self, timeout: float | None = None) -> Any:
        self.timeouts.append(timeout)
        return super().select(timeout)


Scene = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def turns_awake() -> Callable[[Scene], list[int]]:
    """Plays scenes; returns how often the loop looked without being ready to sleep in each."""

    def play(*scenes: Scene) -> list[int]:
        selector = Watched()
        found = []
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            for scene in scenes:
                selector.timeouts.clear()
                runner.run(scene())
                found.append(selector.timeouts.count(0))
        return found

    return play


Play = Callable[..., list[int]]


async def nothing() -> None:
    await asyncio.sleep(LATER)


def after_a_write(poll: BusyPoll, *, wait: float = LATER) -> Scene:
    async def scene() -> None:
        poll.begin()
        await asyncio.sleep(wait)

    return scene


def followed_soon(poll: BusyPoll) -> Scene:
    async def scene() -> None:
        poll.begin()
        await asyncio.sleep(0)
        poll.begin()
        await asyncio.sleep(2 * LONG)

    return scene


def test_the_loop_does_not_sleep_for_a_moment_after_a_write(turns_awake: Play) -> None:
    poll = BusyPoll(LONG, ["a client"])
    awake, asleep = turns_awake(after_a_write(poll, wait=2 * LONG), nothing)
    assert awake > 2 * asleep


@pytest.mark.parametrize(("seconds", "clients"), [(0.0, 1), (SECONDS, FEW + 1)])
def test_the_loop_sleeps_where_polling_is_off_or_many_are_connected(
    turns_awake: Play, seconds: float, clients: int
) -> None:
    poll = BusyPoll(seconds, range(clients))
    awake, asleep = turns_awake(after_a_write(poll), nothing)
    assert awake == asleep


def test_the_loop_sleeps_as_soon_as_many_are_connected(turns_awake: Play) -> None:
    clients = ["the first"]
    poll = BusyPoll(60.0, clients)

    async def scene() -> None:
        poll.begin()
        await asyncio.sleep(0)
        clients.extend(["another"] * FEW)
        poll.begin()
        await asyncio.sleep(LATER)

    awake, asleep = turns_awake(scene, nothing)
    assert awake <= asleep + 2  # the turn between, and the one in which it was noticed


def test_after_vain_tries_the_loop_is_kept_awake_now_and_then_only(turns_awake: Play) -> None:
    poll = BusyPoll(SECONDS, ())
    scenes = [after_a_write(poll)] * (MOST_VAIN + 2 * LEFT_OUT)
    *awake, asleep = turns_awake(*scenes, nothing)
    tries = [place for place, turns in enumerate(awake) if turns > asleep]
    assert tries == [*range(MOST_VAIN), MOST_VAIN + LEFT_OUT - 1, MOST_VAIN + 2 * LEFT_OUT - 1]


def test_a_try_that_was_not_in_vain_makes_up_for_vain_ones(turns_awake: Play) -> None:
    poll = BusyPoll(LONG, ())
    vain = after_a_write(poll, wait=2 * LONG)
    *_, awake, asleep = turns_awake(
        *[vain] * (MOST_VAIN - 1), followed_soon(poll), vain, vain, nothing
    )
    assert awake > asleep


async def test_whatever_leaves_an_outbox_is_a_write() -> None:
    class Pipe(asyncio.Transport):
        def write(self, data: Any) -> None:
            written.append(data)

    written: list[bytes] = []
    sent: list[int] = []
    outbox = Outbox(sent=lambda: sent.append(len(written)))
    Outlet(Pipe(), outbox).put(b"an answer")
    assert sent == []
    await asyncio.sleep(0)
    assert sent == [1]
