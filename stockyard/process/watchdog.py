"""The watchdog: reports what blocks the event loop, and trips a module that does.

While something computes or blocks on the loop, every call waits. So the loop sets a time stamp ten
times a second, and a thread watches it. After a quarter of a second without one, the log says what
the loop is doing. After a second, the module whose hook is running is reported as soon as the loop
is free again, so that it can be tripped (`reliability.md` 6.8). A hook that runs even longer is
interrupted (`interruption.py`).
"""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from types import FrameType

from stockyard.core.module import AnyModule, Module
from stockyard.process.interruption import RUN, Interruption, hook_in
from stockyard.process.runqueue import RunQueue

BEAT_SECONDS = 0.1
HELD_SECONDS = 0.25
TRIP_SECONDS = 1.0
SHOWN_FRAMES = 6

IDLE = ("asyncio.runners", "asyncio.base_events", "selectors", "uvloop")
"""Frames of an idle event loop."""
NOT_OF_MODULES = (
    "stockyard.core.passage",
    "stockyard.core.editing",
    "stockyard.core.stream_modules",
    "stockyard.gateway.",
    "stockyard.upstream.",
    "stockyard.wire.",
)
"""Code that runs for the call itself, although an outer module is waiting for it."""

log = logging.getLogger("stockyard.loop")


class Hold:
    """What is known about a delay of the loop."""

    __slots__ = ("accused", "first_seen", "since", "suspect", "told", "waited")

    def __init__(self, since: float, waited: float) -> None:
        self.since = since
        self.waited = waited
        """How long the thread of the loop had waited for a processor then."""
        self.told = False
        self.suspect = ""
        """The module that seems to block it."""
        self.first_seen = 0.0
        """How late the loop was when that was first seen at it."""
        self.accused = False

    def late(self, now: float, waited: float) -> float:
        return now - self.since - BEAT_SECONDS - (waited - self.waited)


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
        self._accused: str | None = None
        """The module to blame as soon as the loop is free."""
        self._held_seconds = held_seconds
        self._trip_seconds = trip_seconds
        self._interruption = Interruption(self._is_overdue, self._judge)
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watched = 0
        self._computed = 0.0
        """CPU seconds of this process at the loop's last sign of life."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._run_queue = RunQueue(threading.get_native_id())
        self._interruption.listen()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="stockyard-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join(1)
            self._interruption.close()
            self._run_queue.close()

    def _beat(self) -> None:
        self._computed = time.process_time()
        self._hold = Hold(time.monotonic(), self._run_queue.waited())
        self._interruption.set_timer(self._held_seconds)
        self._timer = self._loop.call_later(BEAT_SECONDS, self._beat)

    def _judge(self) -> None:
        """Blame who was accused: when the loop is free, or just before a hook is broken off."""
        accused, self._accused = self._accused, None
        if accused is not None:
            self._blame(accused)

    def _is_overdue(self, frame: FrameType, module: AnyModule) -> bool:
        """Whether this hook has the loop for longer than it may."""
        hold = self._hold
        late = hold.late(time.monotonic(), self._run_queue.waited())
        return late >= self._held_seconds and self._look(hold, frame, late) is module

    # The rest runs in the thread, and `_look` wherever it is called.

    def _watch(self) -> None:
        looked = time.monotonic()
        while not self._stopped.wait(BEAT_SECONDS):
            now, waited, hold = time.monotonic(), self._run_queue.waited(), self._hold
            late = hold.late(now, waited)
            frame = _interrupted(sys._current_frames().get(self._watched))
            if self._were_stopped(now - looked, late):
                self._hold = Hold(now, waited)
            elif late >= self._held_seconds and frame is not None:
                module = self._look(hold, frame, late)
                if module is not None:
                    self._interruption.ask(module)
            looked = now

    def _were_stopped(self, paused: float, late: float) -> bool:
        """Whether it was not the loop that stood still, but all of this process."""
        computed = time.process_time() - self._computed
        return paused - BEAT_SECONDS > self._held_seconds and computed < late / 2

    def _look(self, hold: Hold, frame: FrameType, late: float) -> AnyModule | None:
        """Report what blocks the loop. Returns the module whose hook has blocked it for too
        long."""
        hold.told = hold.told or self._tell(frame, late)
        name = module_in(outwards(frame))
        if name is None:
            return None
        if name != hold.suspect:
            hold.suspect, hold.first_seen, hold.accused = name, late, False
        held = self._held_seconds + late - hold.first_seen
        if held < self._trip_seconds:
            return None
        self._accuse(hold)
        module = hook_in(frame)
        if module is None or module.name != name or held < module.patience_seconds:
            return None
        return module

    def _tell(self, frame: FrameType, late: float) -> bool:
        """Whether there was something to tell: the loop may have come to its end just now."""
        if frame.f_globals.get("__name__") in IDLE:
            return False
        where = " < ".join(map(place_of, islice(outwards(frame), SHOWN_FRAMES)))
        log.warning("The event loop has been held for %.1f s: %s", late, where)
        return True

    def _accuse(self, hold: Hold) -> None:
        if not hold.accused:
            hold.accused = True
            self._accused = hold.suspect
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._judge)


def _interrupted(frame: FrameType | None) -> FrameType | None:
    """The frame running in the loop's thread, below our own signal handlers."""
    while frame is not None and frame.f_globals.get("__name__") == Interruption.__module__:
        frame = frame.f_back
    return frame


def outwards(frame: FrameType) -> Iterator[FrameType]:
    """A frame and those that it was called from, the innermost first."""
    here: FrameType | None = frame
    while here is not None:
        yield here
        here = here.f_back


def place_of(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}"


def module_in(frames: Iterator[FrameType]) -> str | None:
    """The module whose hook is being run; None if it is something that is done for the call."""
    for frame in frames:
        if frame.f_globals.get("__name__", "").startswith(NOT_OF_MODULES):
            return None
        if frame.f_code is RUN:
            name: str = frame.f_locals["self"].name
            return name
        if frame.f_code.co_varnames[:1] == ("self",):
            owner = frame.f_locals.get("self")
            if isinstance(owner, Module):
                return owner.name
    return None
