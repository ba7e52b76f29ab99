"""The data folder: private, and used by one process at a time."""

import errno
import fcntl
import os
import stat
from pathlib import Path

from stockyard.errors import CannotStart

LOCK = "LOCK"
NOTE_BYTES = 256
"""More than a process id and an address ever take."""


class DataFolder:
    """The folder that holds everything this installation knows. Open means locked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def open(self) -> None:
        """Make or check the folder and lock it. Raises CannotStart (73, 75 or 77)."""
        make_private(self.path)
        self._lock = lock(self.path / LOCK)

    def note(self, address: str) -> None:
        """Note where this process listens, for another that finds the folder locked."""
        if self._lock is not None:
            write_note(self._lock, f"{os.getpid()} {address}\n")

    def subfolder(self, name: str) -> Path:
        path = self.path / name
        make_private(path)
        return path

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except FileExistsError:
        raise CannotStart(73, f"{folder} is not a folder: move it, or choose another.") from None
    except OSError as error:
        raise CannotStart(73, f"Cannot create {folder}: {error.strerror}.") from None
    check_private(folder, found, 0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotStart(73, f"{folder} is read-only: chmod u+rwx {folder}")


def private_file(path: Path) -> None:
    """Make the file with mode 0600 if it is missing; refuse it if others could read it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        check_private(path, path.stat(), 0o600)
    except OSError as error:
        code = 77 if error.errno in (errno.EACCES, errno.EPERM, errno.ELOOP) else 73
        raise CannotStart(code, f"Cannot open {path}: {error.strerror}.") from None


def check_private(path: Path, found: os.stat_result, allowed: int) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        raise CannotStart(77, f"{path} belongs to another user: chown {os.geteuid()} {path}")
    if mode & ~allowed:
        raise CannotStart(
            77, f"{path} is open to others (mode {mode:04o}): chmod {allowed:o} {path}"
        )


def lock(path: Path) -> int:
    private_file(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        pid, address = holder_of(path.parent)
        at = f": {address}" if address else ""
        raise CannotStart(75, f"Stockyard is already running{at} (pid {pid or '?'}).") from None
    write_note(descriptor, f"{os.getpid()}\n")
    return descriptor


def holder_of(folder: Path) -> tuple[str, str]:
    """The process that holds the folder, or held it last, and the address where it listens."""
    try:
        text = (folder / LOCK).read_text(errors="replace")
    except OSError:
        text = ""
    pid, address = (*text.split(), "", "")[:2]
    return pid, address


def write_note(descriptor: int, text: str) -> None:
    """Replace the text in one write of always the same length: readers never find it cut short."""
    os.pwrite(descriptor, text.encode().ljust(NOTE_BYTES), 0)
