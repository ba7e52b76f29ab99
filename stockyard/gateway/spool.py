"""Collect large uploads in unnamed temporary files, so that they do not take memory.

An upload is received completely before any of it is forwarded, because its content may decide which
provider gets it. The first MiB is kept in memory; a longer upload is written to disk as it comes
and read from there through a memory mapping, whose pages the system can reclaim
(`wire/large_body.py`). The file has no name, so it disappears with its last reader, however the
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
"""Large uploads at once."""


class Spool:
    """The folder for the files, and their number."""

    def __init__(self, folder: Path, *, keep_free: int = 0) -> None:
        self._folder = folder
        self._keep_free = keep_free
        """Bytes of the disk that uploads must leave free."""
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
    """A mixin for Openings whose large bodies are put into a Spool."""

    spool: Spool


def spool_of(opening: object) -> Spool | None:
    return opening.spool if isinstance(opening, Spooling) else None


class _Mapping(mmap.mmap):
    """A file mapped into memory. Frees its place in the Spool when its last reader is gone."""

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
        if self._file is not None:  # the client left before the end
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
