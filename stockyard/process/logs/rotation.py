"""The log in files: `stockyard.log`, and nine before it, none much larger than 10 MiB."""

import os
from pathlib import Path

from stockyard.errors import CannotStart
from stockyard.storage.datafolder import make_private

NAME = "stockyard.log"
FILES = 10
MAX_BYTES = 10 << 20


class Rotation:
    """Ours alone, like all data: what is said in a log may be about callers."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._max_bytes = max_bytes

    def open(self) -> int:
        """The descriptor of the file to write to. Raises CannotStart (73, 77)."""
        make_private(self.folder)
        try:
            return self._opened()
        except OSError as error:
            raise CannotStart(73, f"Cannot write {self.path}: {error.strerror}.") from None

    def turn(self, descriptor: int) -> None:
        """Have this descriptor write to a new file if its own is full, or was put aside by another
        process. Goes on with the full one where no other can be made."""
        try:
            ours = os.fstat(descriptor)
            if os.path.samestat(ours, os.stat(self.path)):
                if ours.st_size < self._max_bytes:
                    return
                self._put_aside()
            fresh = self._opened()
            os.dup2(fresh, descriptor, inheritable=False)
            os.close(fresh)
        except OSError:
            return

    def _put_aside(self) -> None:
        for number in range(FILES - 1, 0, -1):
            older = self._number(number - 1)
            if older.exists():
                older.replace(self._number(number))

    def _number(self, number: int) -> Path:
        return self.path.with_name(f"{NAME}.{number}") if number else self.path

    def _opened(self) -> int:
        how = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path, how, 0o600)
