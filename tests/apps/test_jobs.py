"""Timed work: it repeats, and a failure does not end it."""

import asyncio

from stockyard.apps.app import Job
from stockyard.apps.jobs import Jobs


async def test_a_job_that_fails_is_tried_again() -> None:
    tries: list[int] = []
    enough = asyncio.Event()

    async def run() -> None:
        tries.append(1)
        if len(tries) == 3:
            enough.set()
        raise ValueError("no")

    jobs = Jobs([Job(name="odd", every_seconds=0.001, run=run)])
    jobs.start()
    await asyncio.wait_for(enough.wait(), 5)
    await jobs.stop()
    assert jobs.states["odd"].failures >= 2


async def test_a_job_that_hangs_is_cut_at_its_deadline() -> None:
    begun = 0
    enough = asyncio.Event()

    async def run() -> None:
        nonlocal begun
        begun += 1
        if begun == 2:
            enough.set()
        await asyncio.Event().wait()

    jobs = Jobs([Job(name="slow", every_seconds=0.001, run=run, deadline_seconds=0.01)])
    jobs.start()
    await asyncio.wait_for(enough.wait(), 5)
    await jobs.stop()
    assert jobs.states["slow"].failures >= 1


async def test_stopping_ends_what_runs() -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    jobs = Jobs([Job(name="long", every_seconds=0.001, run=run)])
    jobs.start()
    await asyncio.wait_for(begun.wait(), 5)
    await jobs.stop()
    assert ended.is_set()
