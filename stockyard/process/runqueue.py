"""How long a thread has waited for a CPU, which explains lateness that no code caused."""

import os

PLACE = 1
"""Of the nanoseconds, among the numbers of `/proc/<pid>/task/<tid>/schedstat`."""


class RunQueue:
    """Scheduler statistics of one thread, from Linux. Zero on other systems."""

    def __init__(self, native_id: int) -> None:
        try:
            self._file: int | None = os.open(f"/proc/self/task/{native_id}/schedstat", os.O_RDONLY)
        except OSError:
            self._file = None

    def waited(self) -> float:
        """Seconds since it began; 0.0 where nobody knows."""
        if self._file is None:
            return 0.0
        told = os.pread(self._file, 128, 0).split()
        return int(told[PLACE]) / 1e9 if len(told) > PLACE else 0.0

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
