"""Put large uploads into a file without a name, so that they do not take memory while they wait.

A file that is uploaded comes in complete before anything of it goes on, for which provider gets it
may stand in it. The first MiB is kept in memory; a longer one is written to disk as it comes and
read from there through a mapping, which costs no memory that the system could not take back
(`wire/large_body.py`). The file has no name, so it is gone with the last who reads it, however the
process ends.
"""

import errno
import mmap
import os
import tempfile
from pathlib import Path
from typing import IO, cast

from stockyard.gateway.bodies import ChunkedBody, SizedBody, UnframedBody
from stockyard.gateway.http import HttpError
from stockyard.wire.large_body import LargeBody

IN_MEMORY = 1024 * 1024
MAX_FILES = 100
"""Large uploads that may be under way at once."""


class Spool:
    """Where the files are made, and how many there are."""

    def __init__(self, folder: Path, *, keep_free: int = 0) -> None:
        self._folder = folder
        self._keep_free = keep_free
        """Bytes of the disk that are for others."""
        self.files = 0

    def new(self) -> IO[bytes]:
        """A new file. Raises HttpError (503) when there are too many, or no room."""
        if self.files >= MAX_FILES:
            raise HttpError(503, "overloaded", "Too many large uploads are under way.")
        try:
            self.check()
            file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115  handed on
        except OSError:
            raise _no_room() from None
        self.files += 1
        return file

    def check(self) -> None:
        """Raises OSError when the disk is nearly full."""
        found = os.statvfs(self._folder)
        if found.f_bavail * found.f_frsize < self._keep_free:
            raise OSError(errno.ENOSPC, "The rest of the disk is not for uploads.")


class Spooling:
    """What an Opening is, too, if its large bodies are put into a Spool."""

    spool: Spool


def spool_of(opening: object) -> Spool | None:
    return opening.spool if isinstance(opening, Spooling) else None


class _Mapping(mmap.mmap):
    """A file as memory. It makes room in its Spool when its last reader is gone."""

    spool: Spool | None = None

    def __del__(self) -> None:
        if self.spool is not None:
            self.spool.files -= 1


class SpooledBody:
    """A body that is collected in memory at first, and in a file from then on."""

    def __init__(self, body: SizedBody | ChunkedBody | UnframedBody, spool: Spool) -> None:
        self._collected = body
        self._spool = spool
        self._file: IO[bytes] | None = None

    def __del__(self) -> None:
        if self._file is not None:  # the client left in the middle
            self._file.close()
            self._spool.files -= 1

    def feed(self, data: bytes) -> bytes | None:
        """As `SizedBody.feed`. Raises HttpError (503) where it cannot be stored."""
        rest = self._collected.feed(data)
        held = self._collected.body
        if self._file is None:
            if len(held) <= IN_MEMORY:
                return rest
            self._file = self._spool.new()
        try:
            self._spool.check()
            written = 0
            while written < len(held):
                written += self._file.write(held[written:])
        except OSError:
            raise _no_room() from None
        held.clear()
        return rest

    def complete(self) -> bytes:
        """All of it."""
        file = self._file
        if file is None:
            return self._collected.complete()
        with file:  # the mapping outlives it
            mapping = _Mapping(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._file = None
        mapping.spool = self._spool
        return cast(bytes, LargeBody([memoryview(mapping)]))  # see there


def _no_room() -> HttpError:
    return HttpError(503, "disk", "There is no room to take the upload.")
