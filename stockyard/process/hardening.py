"""Harden the process before it serves: file modes, no core dumps, no secrets in its environment
(`security.md` S35)."""

import os
from collections.abc import Iterable, MutableMapping

STANDARD_STREAMS = (0, 1, 2)


def harden() -> None:
    """Files of ours are for us alone, and no core dump is written: it would hold every secret."""
    import resource

    occupy_standard_streams()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def occupy_standard_streams() -> None:
    """Where a standard stream is closed, put the null device in its place.

    Else the next file that is opened gets its number, and the log would be written into it.
    """
    for descriptor in STANDARD_STREAMS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest free number is this one.


def forget(environ: MutableMapping[str, str], secrets: Iterable[str]) -> None:
    """Take these secrets out of the environment, under whichever names they came."""
    hidden = {secret for secret in secrets if secret}
    for name, value in list(environ.items()):
        if value.strip() in hidden:
            del environ[name]


def is_root() -> bool:
    return os.geteuid() == 0
