"""A coroutine driven without a task: stepped by what it waits for, cancelled at any moment."""

import asyncio

import pytest

from stockyard.gateway.taskless import start


class Trip:
    """Waits for a future and notes what came of it."""

    def __init__(self) -> None:
        self.future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.noted: list[str] = []

    async def __call__(self) -> None:
        self.noted.append("begun")
        try:
            self.noted.append(await self.future)
        except asyncio.CancelledError:
            self.noted.append("cancelled")
        except ValueError as error:
            self.noted.append(str(error))


async def test_a_coroutine_begins_at_once_and_goes_on_when_it_can() -> None:
    trip = Trip()
    start(trip(), as_task=False)
    assert trip.noted == ["begun"]
    trip.future.set_result("arrived")
    await asyncio.sleep(0)
    assert trip.noted == ["begun", "arrived"]


async def test_an_error_is_raised_inside_the_coroutine() -> None:
    trip = Trip()
    start(trip(), as_task=False)
    trip.future.set_exception(ValueError("broken"))
    await asyncio.sleep(0)
    assert trip.noted == ["begun", "broken"]


@pytest.mark.parametrize("waits", [False, True], ids=["taskless", "task"])
async def test_a_coroutine_can_be_cancelled_while_it_waits(waits: bool) -> None:
    trip = Trip()
    under_way = start(trip(), as_task=waits)
    await asyncio.sleep(0)
    under_way.cancel()
    await asyncio.sleep(0.001)
    assert trip.noted == ["begun", "cancelled"]
    assert trip.future.cancelled()


@pytest.mark.parametrize("waits", [False, True], ids=["taskless", "task"])
async def test_a_coroutine_can_be_cancelled_when_what_it_waits_for_has_just_come(
    waits: bool,
) -> None:
    trip = Trip()
    under_way = start(trip(), as_task=waits)
    await asyncio.sleep(0)
    trip.future.set_result("too late")
    under_way.cancel()
    await asyncio.sleep(0.001)
    assert trip.noted == ["begun", "cancelled"]


async def test_cancelling_a_coroutine_that_is_over_does_nothing() -> None:
    trip = Trip()
    under_way = start(trip(), as_task=False)
    trip.future.set_result("arrived")
    await asyncio.sleep(0)
    under_way.cancel()
    assert trip.noted == ["begun", "arrived"]
