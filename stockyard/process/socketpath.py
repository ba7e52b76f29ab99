"""Where the control socket is, for the server that makes it and the command line that uses it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "run"
NAME = "control.sock"
PROCESS = "/control/process"
"""Where the server says which process it is."""
LONGEST = 100
"""Bytes of a path that every system takes for a socket."""
OWN_DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """The path, or another way to the same place that is short enough for a socket."""
    if len(os.fsencode(path)) <= LONGEST or not OWN_DESCRIPTORS.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"{OWN_DESCRIPTORS}/{folder}/{path.name}"
    finally:
        os.close(folder)
