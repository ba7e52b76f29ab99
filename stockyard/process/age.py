"""The age of this process, including the start of the interpreter."""

import os
import time
from pathlib import Path

IMPORTED = time.perf_counter()
STARTED_FIELD = 19
"""Of `/proc/self/stat`, counted behind the name: ticks from boot to start."""


def seconds_since_exec() -> float:
    try:
        stat = Path("/proc/self/stat").read_text(encoding="ascii")
        ticks = int(stat.rpartition(")")[2].split()[STARTED_FIELD])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.perf_counter() - IMPORTED  # Not Linux: from the first import on.
