"""Disk space reserved for the moment when there is no other (`reliability.md` 6.4).

A full disk cannot even be tidied: to delete rows, a database has to write. So a file lies in the
data folder that is good for nothing, and is thrown out when the disk is full.
"""

import logging
import os
from pathlib import Path

FILE = "ballast"
BLOCK = bytes(1 << 20)

log = logging.getLogger("stockyard.storage")


class Ballast:
    """`size` bytes in a folder; of 0 bytes there is none."""

    def __init__(self, folder: Path, size: int) -> None:
        self._file = folder / FILE
        self.size = size

    @property
    def there(self) -> bool:
        try:
            return self._file.stat().st_size >= self.size
        except OSError:
            return self.size == 0

    def make(self) -> None:
        """In a thread, for it may take a while. A disk that does not give it is full by itself."""
        try:
            with open(self._file, "wb", opener=_private) as file:
                _take(file.fileno(), self.size)
        except OSError as error:
            log.warning("There is no room for a ballast of %d MiB: %s", self.size >> 20, error)
            self.drop()

    def drop(self) -> bool:
        """Throw it out; whether there was one."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _take(file: int, size: int) -> None:
    """Have the disk give so much now: a file of holes would take nothing."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    for _ in range(0, size, len(BLOCK)):
        os.write(file, BLOCK)
