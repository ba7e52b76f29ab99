"""The processes of a run: started on a core of their own, watched through /proc, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
"""Where `python -m bench...` and `python -m stockyard` are found."""


class Process:
    """A child and whatever children it starts."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        core: int,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
        piped: bool = False,
    ) -> None:
        out: int | IO[bytes] = subprocess.PIPE if piped else subprocess.DEVNULL
        if log is not None:
            out = log.open("wb")
        self.started = time.perf_counter()
        self._name = " ".join(command)
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT if log is not None else None,
            start_new_session=True,
        )
        # It has just begun to be a Python: no thread exists yet that would not inherit this.
        os.sched_setaffinity(self._child.pid, {core})
        if not isinstance(out, int):
            out.close()

    @classmethod
    def python(cls, module: str, *words: str, core: int) -> "Process":
        return cls([sys.executable, "-m", module, *words], core=core, piped=True)

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def write_line(self, line: bytes) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + b"\n")
        self._child.stdin.flush()

    def read_line(self) -> bytes:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended with {self._child.wait()}.")
        return bytes(line)

    def cpu(self) -> float:
        """Seconds of CPU its live threads have used, to the nanosecond."""
        total = 0
        for pid in self._tree():
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(thread.read_text().split()[0])
                except (OSError, IndexError):
                    continue  # it ended just now
        return total / 1e9

    def memory(self) -> tuple[int, int]:
        """Resident bytes now, and the most there ever were."""
        now = most = 0
        for pid in self._tree():
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except OSError:
                continue
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            now += _kilobytes(fields.get("VmRSS", "0 kB"))
            most += _kilobytes(fields.get("VmHWM", "0 kB"))
        return now, most

    def stop(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if self.ended:
                return
            os.killpg(self._child.pid, sign)
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                continue

    def _tree(self) -> list[int]:
        found, new = [], [self._child.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    new += map(int, children.read_text().split())
                except OSError:
                    continue
        return found


def _kilobytes(text: str) -> int:
    return int(text.split()[0]) * 1024


def cores() -> tuple[int, int]:
    """One core for what is measured and one for the rest; the same one if there is no other."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def busy() -> float:
    """Seconds of CPU that everything on this machine has used."""
    ticks = [int(t) for t in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
