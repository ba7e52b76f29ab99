"""Free space where the data is. A database that cannot grow must not be opened for writing."""

import os
from pathlib import Path

from stockyard.errors import CannotStart


def free_bytes(folder: Path) -> int:
    """What may still be written here, or where this folder would be made."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    found = os.statvfs(existing)
    return found.f_bavail * found.f_frsize


def require_free(folder: Path, floor_bytes: int) -> None:
    """Raises CannotStart (74)."""
    free = free_bytes(folder)
    if free < floor_bytes:
        raise CannotStart(
            74,
            f"The disk is full ({folder}): {mebibytes(free)} free, {mebibytes(floor_bytes)} "
            "needed. Make room, or lower disk.floor.",
        )


def mebibytes(count: int) -> str:
    return f"{count >> 20:,} MiB"
