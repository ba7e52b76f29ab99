"""What this process inherited: the listening socket, and its supervisor.

A service manager leaves sockets in its own way (systemd's `LISTEN_FDS`), our supervisor and a
process that begins itself anew in ours.
"""

import os
import socket
from collections.abc import Mapping
from typing import NamedTuple

LEFT = "STOCKYARD_INHERITED"
FIRST_OF_MANAGER = 3
"""The descriptor of the first socket that a service manager leaves."""


class Inherited(NamedTuple):
    listening: socket.socket | None = None
    supervisor: int = 0
    """Its process id; 0 without a supervisor."""
    replaces: bool = False
    """Another process serves, and waits to be replaced."""


def handed_on(
    listening: socket.socket, *, supervisor: int = 0, replaces: bool = False
) -> dict[str, str]:
    """Environment variables for a process that inherits this socket."""
    return {LEFT: f"{listening.fileno()} {supervisor} {int(replaces)}"}


def inherited(environ: Mapping[str, str]) -> Inherited:
    """What this process inherited. A supervisor that has ended does not count."""
    descriptor, supervisor, replaces = (*environ.get(LEFT, "").split(), "", "", "")[:3]
    if descriptor.isdigit():
        supervised = supervisor.isdigit() and int(supervisor) == os.getppid()
        return Inherited(
            adopted(int(descriptor)), int(supervisor) if supervised else 0, replaces == "1"
        )
    if environ.get("LISTEN_PID") == str(os.getpid()) and environ.get("LISTEN_FDS", "0") != "0":
        return Inherited(adopted(FIRST_OF_MANAGER))
    return Inherited()


def adopted(descriptor: int) -> socket.socket | None:
    """The socket, ours alone from now on. None if there is none that listens."""
    try:
        listening = socket.socket(fileno=descriptor)
        listening.getsockname()
    except OSError:
        return None
    listening.set_inheritable(False)
    listening.setblocking(False)
    return listening
