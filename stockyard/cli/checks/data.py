"""The data folder and the database in it. Nothing is made or changed by looking."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from stockyard.cli.checks.check import Check
from stockyard.process.diskspace import free_bytes
from stockyard.process.note import NOTE
from stockyard.settings import Settings
from stockyard.storage.datafolder import LOCK
from stockyard.storage.filesystem import NETWORK, kind_of

COMFORTABLE = 2 << 30


def data(settings: Settings, *, running: bool) -> Iterator[Check]:
    folder = settings.server.data_dir
    yield private(folder)
    yield from files(folder, settings.database_path)
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
        return to_mend("data", f"{title}, open to others", folder, 0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        return to_mend("data", f"{title}, read-only", folder, 0o700)
    return Check("data", "ok", title)


def files(folder: Path, database: Path) -> Iterator[Check]:
    """Those whose mode would stop the start."""
    for path in (database, database.with_name(database.name + "-wal"), folder / LOCK):
        try:
            found = path.stat()
        except OSError:
            continue
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o177 and found.st_uid == os.geteuid():
            yield to_mend("files", f"{path}: {mode:04o}, open to others", path, 0o600)


def to_mend(check: str, title: str, path: Path, mode: int) -> Check:
    return Check(check, "fail", title, f"chmod {mode:o} {path}", (str(path), mode))


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
