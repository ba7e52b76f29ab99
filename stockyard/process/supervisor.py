"""The supervisor: holds the listening socket, and restarts the serving process if it crashes.

The supervisor does nothing else, so there is little that could crash it. To restart (SIGUSR2), it
starts a second process with the same socket, which takes over from the first (`handover.py`) and
then sends the supervisor the same signal. If the second process ends before that, the supervisor
sends the signal to the first. Meanwhile connections wait in the socket's queue; none is refused.
All other signals are passed on.
"""

import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence

from stockyard.process.inherited import handed_on

STOPS = (signal.SIGTERM, signal.SIGINT)
PASSED_ON = (*STOPS, signal.SIGHUP, signal.SIGUSR1)
RESTART = signal.SIGUSR2
HEARD = frozenset({*PASSED_ON, RESTART, signal.SIGCHLD})
IN_VAIN = frozenset({2, 65, 69, 73, 75, 77, 78})
"""Exit codes after which another start would end in the same way."""
CRASHES = 5
WITHIN = 10.0
"""So many crashes in so many seconds are answered with a pause, which doubles."""
LONGEST_PAUSE = 30.0

Child = subprocess.Popen[bytes]


class Supervisor:
    """`command` is what serves, and `environ` its environment."""

    def __init__(
        self, command: Sequence[str], listening: socket.socket, environ: Mapping[str, str]
    ) -> None:
        self._command = command
        self._listening = listening
        self._environ = environ
        self._serving: Child | None = None
        self._next: Child | None = None
        """It has begun, and takes over soon."""
        self._leaving: list[Child] = []
        self._stopping = False
        self._began = 0.0
        self._begin_at = 0.0
        """When to begin again after a crash."""
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._pause = 0.0

    def run(self) -> int:
        """Supervise until the one that serves has ended for good; its exit code."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            self._serve()
            while True:
                heard = signal.sigtimedwait(HEARD, self._patience())
                if heard is not None:
                    self._hear(heard)
                code = self._look_after_children()
                if code is not None:
                    return code
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _patience(self) -> float:
        """Seconds to the next scheduled action; an hour if there is none."""
        return max(0.0, self._begin_at - time.monotonic()) if self._serving is None else 3_600.0

    def _hear(self, heard: signal.struct_siginfo) -> None:
        if heard.si_signo == RESTART:
            if self._next is not None and heard.si_pid == self._next.pid:
                self._taken_over(self._next)
            elif self._next is None and self._serving is not None and not self._stopping:
                self._next = self._begin(replaces=True)
        elif heard.si_signo in PASSED_ON:
            self._stopping = self._stopping or heard.si_signo in STOPS
            for child in (self._serving, self._next, *self._leaving):
                if child is not None and child.poll() is None:
                    child.send_signal(heard.si_signo)

    def _taken_over(self, by: Child) -> None:
        if self._serving is not None:
            self._leaving.append(self._serving)
        self._serving, self._next = by, None
        self._began = time.monotonic()

    def _look_after_children(self) -> int | None:
        """Note who has ended. The exit code when that is the end of it all."""
        self._leaving = [child for child in self._leaving if child.poll() is None]
        if self._next is not None and self._next.poll() is not None:
            self._next = (
                None  # It logged why. The serving process continues and informs whoever asked.
            )
            if self._serving is not None and self._serving.poll() is None:
                self._serving.send_signal(RESTART)
        if self._serving is None:
            if self._stopping:
                return 0
            if time.monotonic() >= self._begin_at:
                self._serve()
            return None
        code = self._serving.poll()
        if code is None:
            return None
        if self._stopping or code == 0 or code in IN_VAIN:
            for child in self._leaving:
                child.wait()
            return code if code >= 0 else 128 - code
        self._serving = None
        self._begin_at = time.monotonic() + self._pause_after_crash(time.monotonic())
        return None

    def _pause_after_crash(self, now: float) -> float:
        self._crashes.append(now)
        if now - self._began > WITHIN:
            self._pause = 0.0
        if self._pause:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        elif len(self._crashes) == CRASHES and now - self._crashes[0] <= WITHIN:
            self._pause = 1.0
        return self._pause

    def _serve(self) -> None:
        self._serving = self._begin()
        self._began = time.monotonic()

    def _begin(self, *, replaces: bool = False) -> Child:
        handed = handed_on(self._listening, supervisor=os.getpid(), replaces=replaces)
        return subprocess.Popen(  # noqa: S603  ourselves
            self._command,
            env={**self._environ, **handed},
            pass_fds=(self._listening.fileno(),),
            # A Ctrl-C at the terminal is for us, who pass it on once.
            start_new_session=True,
            preexec_fn=_unblock,
        )


def _unblock() -> None:
    # Ours to it is not to end it before it listens.
    signal.signal(RESTART, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
