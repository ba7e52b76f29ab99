"""Run a coroutine without a task.

A call through the gateway mostly computes; it waits once, for the provider. A task would cost two
more turns of the event loop and its own bookkeeping for that one wait. This starts the coroutine
at once, in the caller's turn, and steps it whenever the future it waits for is done.

The coroutine may await futures, and coroutines that do. It must not use the current task
(`asyncio.timeout`, `wait_for`): calls whose modules have async hooks run as real tasks instead.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from stockyard.core.arrival import Arrival


class Cancellable(Protocol):
    def cancel(self) -> object: ...


class Taskless:
    """One running coroutine. It must handle its own errors: none may escape from it."""

    __slots__ = ("_cancelled", "_coroutine", "_future")

    _future: asyncio.Future[Any] | None
    """The future that it waits for."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._cancelled = False
        self._step(None)

    def _step(self, _done: "asyncio.Future[Any] | None") -> None:
        self._future = None
        try:
            if self._cancelled:
                self._cancelled = False
                future = self._coroutine.throw(asyncio.CancelledError())
            else:
                # The result or error of the future is raised inside, by its own `__await__`.
                future = self._coroutine.send(None)
        except StopIteration:
            return
        future._asyncio_future_blocking = False  # the handshake that a task would do
        self._future = future
        if type(future) is Arrival:
            future.wake = self._step
        else:
            future.add_done_callback(self._step)

    def cancel(self) -> None:
        """Cancel what it waits for; the coroutine sees CancelledError there."""
        future = self._future
        if future is None:
            return
        if not future.cancel():
            self._cancelled = True  # it is done already, and the next step is on its way
        elif type(future) is Arrival:
            future.wake = None
            self._step(None)


def start(coroutine: Coroutine[Any, Any, None], *, as_task: bool, name: str = "") -> Cancellable:
    """Start a coroutine now, without a task unless something in it needs one."""
    if as_task:
        return asyncio.get_running_loop().create_task(coroutine, name=name)
    return Taskless(coroutine)
