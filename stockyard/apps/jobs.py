"""Runs the jobs of all apps. A failed job runs again at its next time."""

import asyncio
import logging
from collections.abc import Iterable

from msgspec import Struct

from stockyard.apps.app import Job

log = logging.getLogger("stockyard.jobs")


class JobState(Struct):
    """How a job is doing."""

    runs: int = 0
    failures: int = 0
    running: bool = False


class Jobs:
    """The jobs of this process, each in a task of its own."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = tuple(jobs)
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self.states = {job.name: JobState() for job in self._jobs}

    def start(self) -> None:
        self._tasks = tuple(
            asyncio.create_task(self._repeat(job), name=f"job:{job.name}") for job in self._jobs
        )

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = ()

    async def _repeat(self, job: Job) -> None:
        while True:
            await asyncio.sleep(job.every_seconds)
            await self._run(job)

    async def _run(self, job: Job) -> None:
        state = self.states[job.name]
        state.running = True
        try:
            async with asyncio.timeout(job.deadline_seconds):
                await job.run()
        except Exception as error:
            state.failures += 1
            log.error("The job %s failed: %s", job.name, error)
        finally:
            state.runs += 1
            state.running = False
