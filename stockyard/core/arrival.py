"""A future that can wake its waiter at once."""

import asyncio
from collections.abc import Callable


class Arrival(asyncio.Future[None]):
    """What a call waits for: the moment when its answer arrives.

    A plain future wakes its waiter in the next turn of the event loop. The waiter of an Arrival may
    set `wake` instead, which is called at once, from within the read that brought the answer.
    """

    wake: "Callable[[asyncio.Future[None]], None] | None" = None

    def arrive(self) -> None:
        """The answer is there."""
        self.set_result(None)
        self._woken()

    def fail(self, error: BaseException) -> None:
        """There will be no answer."""
        self.set_exception(error)
        self._woken()

    def _woken(self) -> None:
        wake, self.wake = self.wake, None
        if wake is not None:
            wake(self)
