"""Free space where the data is, or will be: asked before anything is opened."""

from pathlib import Path

from stockyard.settings import Settings
from stockyard.storage.disk import DiskWatch, free_bytes_of


def refuse_full(settings: Settings) -> None:
    """Raises CannotStart (74) when there is less than `disk.floor`."""
    disk = settings.disk
    folder = existing(settings.server.data_dir)
    DiskWatch(folder, warn=disk.warn, low=disk.low, floor=disk.floor).refuse_full()


def free_bytes(folder: Path) -> int:
    return free_bytes_of(existing(folder))


def existing(folder: Path) -> Path:
    """The folder, or the one in which it would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())
