"""The data folder and the database in it. Nothing is made or changed by looking."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from stockyard.cli.checks.check import Check
from stockyard.process.diskspace import free_bytes
from stockyard.process.note import NOTE
from stockyard.settings import Settings

COMFORTABLE = 2 << 30
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "glusterfs"})
MOUNTS = Path("/proc/self/mounts")


def data(settings: Settings, *, running: bool) -> Iterator[Check]:
    folder = settings.server.data_dir
    yield private(folder)
    yield space(folder, settings.disk.floor)
    yield filesystem(folder)
    yield database(settings.database_path, running=running)
    if (folder / NOTE).exists():
        yield Check(
            "first_run",
            "warn",
            f"the secrets of the first start are still in {folder / NOTE}",
            "Store them elsewhere and delete the file.",
        )


def private(folder: Path) -> Check:
    try:
        found = folder.stat()
    except OSError:
        return Check("data", "info", f"data {folder}: will be made at the first start")
    mode = stat.S_IMODE(found.st_mode)
    title = f"data {folder}: {mode:04o}"
    if found.st_uid != os.geteuid():
        return Check("data", "fail", f"{title}, of another user", f"chown {os.geteuid()} {folder}")
    if mode & 0o077:
        return Check("data", "fail", f"{title}, open to others", f"chmod 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check("data", "fail", f"{title}, read-only", f"chmod u+rwx {folder}")
    return Check("data", "ok", title)


def space(folder: Path, floor_bytes: int) -> Check:
    free = free_bytes(folder)
    title = f"disk: {mebibytes(free)} free"
    if free < floor_bytes:
        return Check("disk", "fail", title, f"Make room: {mebibytes(floor_bytes)} are needed.")
    if free < COMFORTABLE:
        return Check("disk", "warn", title, f"Make room: {mebibytes(COMFORTABLE)} are comfortable.")
    return Check("disk", "ok", title)


def filesystem(folder: Path) -> Check:
    kind = kind_of(folder)
    if kind in NETWORK:
        fix = "Move the folder to a local disk: locks over a network lose data."
        return Check("filesystem", "fail", f"the data is on a network ({kind})", fix)
    return Check("filesystem", "ok" if kind else "skip", f"file system: {kind or 'not known'}")


def kind_of(folder: Path) -> str:
    """The kind of the innermost mount that holds the folder."""
    try:
        mounts = [line.split() for line in MOUNTS.read_text().splitlines()]
    except OSError:
        return ""
    holding = [(mount[1], mount[2]) for mount in mounts if folder.is_relative_to(mount[1])]
    return max(holding, key=lambda mount: len(mount[0]), default=("", ""))[1]


def database(path: Path, *, running: bool) -> Check:
    if not path.exists():
        return Check("database", "info", "database: will be made at the first start")
    size = mebibytes(sum(part.stat().st_size for part in path.parent.glob(path.name + "*")))
    if running:
        # It is the server's alone while that runs; it was checked when the server started.
        return Check("database", "ok", f"database: {size}, in use by the server")
    import apsw

    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        found = list(connection.execute("pragma quick_check(1)"))
        connection.close()
    except apsw.Error as error:
        return Check("database", "fail", f"database: {error}", "Restore a backup.")
    if found != [("ok",)]:
        return Check("database", "fail", f"database: damaged ({found[0][0]})", "Restore a backup.")
    return Check("database", "ok", f"database: {size}, sound")


def mebibytes(count: int) -> str:
    return f"{count >> 20:,} MiB"
