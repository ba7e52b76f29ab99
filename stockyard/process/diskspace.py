"""Check the disk of the data folder before anything is opened."""

from pathlib import Path

from stockyard.errors import CannotStart
from stockyard.settings import Settings
from stockyard.storage.disk import DiskWatch, free_bytes_of
from stockyard.storage.filesystem import UNSAFE, kind_of


def refuse_full(settings: Settings) -> None:
    """Raises CannotStart (74) when there is less than `disk.floor`."""
    disk = settings.disk
    folder = existing(settings.server.data_dir)
    DiskWatch(folder, warn=disk.warn, low=disk.low, floor=disk.floor).refuse_full()


def refuse_network(settings: Settings) -> None:
    """Raises CannotStart (78) for a folder on a network, unless that is wanted."""
    folder = settings.server.data_dir
    kind = kind_of(folder)
    if kind in UNSAFE and not settings.server.allow_network_fs:
        raise CannotStart(
            78,
            f"The data folder {folder} is on a network ({kind}), where locks may fail and data may "
            "be lost. Use a local disk, or --allow-network-fs.",
        )


def free_bytes(folder: Path) -> int:
    return free_bytes_of(existing(folder))


def existing(folder: Path) -> Path:
    """The folder, or the one in which it would be made."""
    return next(path for path in (folder, *folder.parents) if path.exists())
