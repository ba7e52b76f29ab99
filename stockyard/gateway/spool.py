"""Put large uploads into a file without a name, so that they do not take memory while they wait.

A file that is uploaded comes in complete before anything of it goes on, for which provider gets it
may stand in it. The first MiB is kept in memory; a longer one is written to disk as it comes and
read from there through a mapping, which costs no memory that the system could not take back
(`wire/large_body.py`). The file has no name, so it is gone with the last who reads it, however the
process ends.
"""

import mmap
import tempfile
from pathlib import Path
from typing import IO, cast

from stockyard.gateway.bodies import ChunkedBody, SizedBody, UnframedBody
from stockyard.gateway.http import HttpError
from stockyard.wire.large_body import LargeBody

IN_MEMORY = 1024 * 1024
MAX_UPLOAD = 100 * 1024 * 1024
"""Bytes of a body that is an upload."""
MAX_FILES = 100
"""Large uploads that may be under way at once."""


class Spool:
    """Where the files are made, and how many there are."""

    def __init__(self, folder: Path, *, max_files: int = MAX_FILES) -> None:
        self._folder = folder
        self._max_files = max_files
        self.files = 0

    def new(self) -> IO[bytes]:
        """A new file. Raises HttpError (503) when there are too many, or no room."""
        if self.files >= self._max_files:
            raise HttpError(503, "overloaded", "Too many large uploads are under way.")
        try:
            file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115  handed on
        except OSError:
            raise _no_room() from None
        self.files += 1
        return file


class Spooling:
    """What an Opening also is, if its large bodies are put into a Spool."""

    spool: Spool


def spool_of(opening: object) -> Spool | None:
    return opening.spool if isinstance(opening, Spooling) else None


class _Mapping(mmap.mmap):
    """A file as memory. It makes room in its Spool when nobody looks into it any more."""

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
            written = 0
            while written < len(held):
                written += self._file.write(held[written:])
        except OSError:
            raise _no_room() from None
        held.clear()
        return rest

    def complete(self) -> bytes:
        """All of it."""
        file, self._file = self._file, None
        if file is None:
            return self._collected.complete()
        with file:  # the mapping outlives it
            mapping = _Mapping(file.fileno(), 0, access=mmap.ACCESS_READ)
        mapping.spool = self._spool
        return cast(bytes, LargeBody([memoryview(mapping)]))  # see there


def _no_room() -> HttpError:
    return HttpError(503, "disk", "There is no room to take the upload.")
