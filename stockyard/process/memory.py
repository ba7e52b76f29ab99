"""The memory this process uses, and the limit of its container."""

import os
import resource
import sys
from pathlib import Path

STATM = "/proc/self/statm"
PAGE = os.sysconf("SC_PAGESIZE")
LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where control groups say what a container may have: version 2, version 1."""
NO_LIMIT = 1 << 60
"""Version 1 says a number of this size where there is none."""


def used_bytes() -> int:
    """Current memory; where the system does not report it, the peak."""
    try:
        with open(STATM, "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except OSError:
        return peak_bytes()


def peak_bytes() -> int:
    """The most memory this process has had. Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def limit_bytes(limits: tuple[Path, ...] = LIMITS) -> int:
    """What the container may have. 0 without a limit."""
    for path in limits:
        try:
            found = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if found.isdigit() and int(found) < NO_LIMIT:
            return int(found)
    return 0
