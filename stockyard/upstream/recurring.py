"""Run work at intervals, for as long as there is any."""

import asyncio
from collections.abc import Callable


class Recurring:
    """Runs `work` every so many seconds after `wake`, until it returns that nothing is left."""

    __slots__ = ("_handle", "_seconds", "_work")

    def __init__(self, seconds: float, work: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._work = work
        self._handle: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._tick)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self._handle = None
        is_left = True  # also if the work raises: there may be more to do
        try:
            is_left = self._work()
        finally:
            if is_left:
                self.wake()
