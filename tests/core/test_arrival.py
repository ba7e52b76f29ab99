"""Arrivals: futures that can wake their waiter within the same turn of the loop."""

import asyncio

import pytest

from stockyard.core.arrival import Arrival


async def test_a_waiter_with_a_wake_is_called_at_once_and_only_once() -> None:
    woken: list[asyncio.Future[None]] = []
    arrival = Arrival(loop=asyncio.get_running_loop())
    arrival.wake = woken.append
    arrival.arrive()
    assert woken == [arrival]
    assert arrival.wake is None


async def test_an_arrival_without_a_wake_is_a_plain_future() -> None:
    loop = asyncio.get_running_loop()
    arrival = Arrival(loop=loop)
    loop.call_soon(arrival.arrive)
    await arrival


async def test_a_failure_wakes_its_waiter_too() -> None:
    woken: list[asyncio.Future[None]] = []
    arrival = Arrival(loop=asyncio.get_running_loop())
    arrival.wake = woken.append
    arrival.fail(ValueError("no answer"))
    assert woken == [arrival]
    with pytest.raises(ValueError, match="no answer"):
        await arrival
