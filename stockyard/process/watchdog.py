"""Notice what holds the event loop: tell where it hangs, and keep a module from doing it again.

While something computes or waits on the loop, every call waits with it. So the loop says ten times
a second that it is alive, and a thread listens. Late by a quarter of a second, it is told what the
loop is doing. Late by a second, the module whose hook is doing it is told of as soon as the loop is
free again, so that it can be tripped (`reliability.md` 6.8). What never ends cannot be ended here.
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType

from stockyard.core.module import Module
from stockyard.process.runqueue import RunQueue

BEAT_SECONDS = 0.1
HELD_SECONDS = 0.25
TRIP_SECONDS = 1.0
SHOWN_FRAMES = 6

IDLE = ("asyncio.runners", "asyncio.base_events", "selectors", "uvloop")
"""Where a loop is that has nothing to do."""
NOT_OF_MODULES = (
    "stockyard.core.passage",
    "stockyard.core.editing",
    "stockyard.gateway.",
    "stockyard.upstream.",
    "stockyard.wire.",
)
"""What is done in these is done for the call, though a module further out waits for it."""

log = logging.getLogger("stockyard.loop")


class Watchdog:
    """Watches the loop that it is started on, and calls `blame` there with the name of a module."""

    def __init__(
        self,
        blame: Callable[[str], None],
        *,
        held_seconds: float = HELD_SECONDS,
        trip_seconds: float = TRIP_SECONDS,
    ) -> None:
        self._blame = blame
        self._held_seconds = held_seconds
        self._trip_seconds = trip_seconds
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watched = 0
        self._beat_at = 0.0
        self._computed = 0.0
        """How long this process had computed at that moment, in seconds."""
        self._waited = 0.0
        """How long the thread of the loop had waited for a processor then."""

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._run_queue = RunQueue(threading.get_native_id())
        self._beat(loop)
        self._thread = threading.Thread(
            target=self._watch, args=(loop,), name="stockyard-watchdog", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join(1)
            self._run_queue.close()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._computed = time.process_time()
        self._waited = self._run_queue.waited()
        self._beat_at = time.monotonic()
        self._timer = loop.call_later(BEAT_SECONDS, self._beat, loop)

    # The rest runs in the thread.

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        looked = since = time.monotonic()
        waited = self._waited
        told = False
        suspect: str | None = None
        while not self._stopped.wait(BEAT_SECONDS):
            now = time.monotonic()
            if self._beat_at > since:
                since, waited = self._beat_at, self._waited
                told, suspect = False, None
            late = now - since - BEAT_SECONDS - (self._run_queue.waited() - waited)
            if self._were_stopped(now - looked, late):
                since, waited = now, self._run_queue.waited()
            elif late >= self._held_seconds and not told:
                suspect = module_in(frames_of(self._watched))
                told = self._tell(late)
            elif late >= self._trip_seconds and suspect is not None:
                self._accuse(suspect, loop)
                suspect = None
            looked = now

    def _were_stopped(self, paused: float, late: float) -> bool:
        """Whether it was not the loop that stood still, but all of this process."""
        computed = time.process_time() - self._computed
        return paused - BEAT_SECONDS > self._held_seconds and computed < late / 2

    def _tell(self, late: float) -> bool:
        """Whether there was something to tell: the loop may have come to its end just now."""
        frames = list(frames_of(self._watched))
        if not frames or frames[0].f_globals.get("__name__") in IDLE:
            return False
        where = " < ".join(map(place_of, frames[:SHOWN_FRAMES]))
        log.warning("The event loop has been held for %.1f s: %s", late, where)
        return True

    def _accuse(self, suspect: str, loop: asyncio.AbstractEventLoop) -> None:
        """Blame it if it is still at it."""
        if module_in(frames_of(self._watched)) == suspect:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._blame, suspect)


def frames_of(thread: int) -> Iterator[FrameType]:
    """What a thread is doing now, the innermost first."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        yield frame
        frame = frame.f_back


def place_of(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"


def module_in(frames: Iterator[FrameType]) -> str | None:
    """The module whose hook is being run; None if it is something that is done for the call."""
    for frame in frames:
        if frame.f_globals.get("__name__", "").startswith(NOT_OF_MODULES):
            return None
        if frame.f_code.co_varnames[:1] == ("self",):
            owner = frame.f_locals.get("self")
            if isinstance(owner, Module):
                return owner.name
    return None
