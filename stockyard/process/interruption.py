"""Interrupt a module's hook that does not return, and nothing else.

A signal handler runs in the main thread, between two steps of whatever runs there, and can raise in
it: that ends endless loops as well as calls that wait for ever. But it comes at any moment, so it
looks first where it came. Between the place where a hook is called and the step that it interrupts
there must be nobody's code but the module's own and that of libraries. What the gateway does for a
hook (ports, values, findings) is never cut in two, nor is what everybody shares: a lock of the log
or of an import that is not given back would stop all others. If it came at such a moment it does
nothing, and is sent again.

Two signals come. One is sent by a thread that watches the loop; it also ends a wait inside a call
of the system. But a call in C may compute for ever without letting any other thread run (a regular
expression that backtracks), so a timer of the system counts too what the process computes.

Where it is raised there is always somebody who catches it: `Stop.run` and `Passage._around`, from
which hooks are called, or the task that an async hook has of its own. Threads other than the main
one cannot be interrupted at a known place, so hooks in them are left alone.
"""

import signal
import threading
from collections.abc import Callable
from inspect import CO_COROUTINE
from types import FrameType

from stockyard.core.module import AnyModule, Module
from stockyard.core.passage import Passage
from stockyard.core.stop import Stop
from stockyard.errors import HookInterrupted
from stockyard.process.custommodules import HOOKS, PACKAGE

SENT: signal.Signals | None = getattr(signal, "SIGURG", None)
"""Nobody's: nothing sends it unasked, and one that comes too late is ignored by the system."""
COUNTED: signal.Signals | None = getattr(signal, "SIGVTALRM", None)
"""Comes when the process has computed for a while since the timer was set."""
TICK_SECONDS = 0.1
"""How often it comes from then on."""
SHARED = (
    "stockyard.",
    "asyncio.",
    "uvloop.",
    "logging.",
    "importlib.",
    "_frozen_importlib.",
    "_frozen_importlib_external.",
    "concurrent.futures.thread.",
)
"""Code that must not stop halfway, because more depends on it than this hook."""
RUN, AROUND = Stop.run.__code__, Passage._around.__code__
"""Where hooks are called, and where an `around` is awaited."""


class Interruption:
    """Raises HookInterrupted in the main thread if a hook runs there that is `overdue`."""

    def __init__(
        self, overdue: Callable[[FrameType, AnyModule], bool], before: Callable[[], None]
    ) -> None:
        self._overdue = overdue
        """Asked in the main thread when the timer ticks inside a hook."""
        self._before = before
        """Called in the main thread just before it is raised."""
        self._wanted: AnyModule | None = None
        self._listens = False

    def listen(self) -> None:
        """Install the signal handlers, unless one of the signals already has another."""
        if SENT is None or COUNTED is None or not _is_main_thread():
            return
        if signal.getsignal(SENT) is signal.getsignal(COUNTED) is signal.SIG_DFL:
            signal.signal(SENT, self._asked)
            signal.signal(COUNTED, self._ticked)
            self._listens = True

    def close(self) -> None:
        if self._listens and SENT is not None and COUNTED is not None:
            self._listens = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(COUNTED, signal.SIG_DFL)
            signal.signal(SENT, signal.SIG_DFL)

    def set_timer(self, seconds: float) -> None:
        """The loop is alive: tick only when the process has computed for so long from now on."""
        if self._listens:
            signal.setitimer(signal.ITIMER_VIRTUAL, seconds, TICK_SECONDS)

    def ask(self, module: AnyModule) -> None:
        """Break off the hook of this module, if it is still at it and at a place that allows it."""
        if self._listens and SENT is not None:
            self._wanted = module
            signal.pthread_kill(threading.main_thread().ident or 0, SENT)

    def _asked(self, _number: int, frame: FrameType | None) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and hook_in(frame) is wanted:
            self._break_off()

    def _ticked(self, _number: int, frame: FrameType | None) -> None:
        module = hook_in(frame)
        if frame is not None and module is not None and self._overdue(frame, module):
            self._break_off()

    def _break_off(self) -> None:
        self._before()
        raise HookInterrupted


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def hook_in(frame: FrameType | None) -> AnyModule | None:
    """The module whose hook may be broken off at this step; None where none may be."""
    found: AnyModule | None = None
    inside = False
    while frame is not None:
        code = frame.f_code
        if code is RUN or code is AROUND:
            stop: Stop = frame.f_locals["self" if code is RUN else "stop"]
            return stop.module if inside else None
        if _is_shared(frame.f_globals.get("__name__", "")):
            return found
        inside = True
        if code.co_flags & CO_COROUTINE and code.co_name in HOOKS:
            owner = frame.f_locals.get("self")
            # In a task of its own, unless it turns out to be called from another hook.
            found = owner if isinstance(owner, Module) else found
        frame = frame.f_back
    return found


def _is_shared(name: str) -> bool:
    return f"{name}.".startswith(SHARED) and not name.startswith(f"{PACKAGE}.")
