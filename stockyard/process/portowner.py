"""Find which program occupies a port, as far as the operating system tells."""

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
TABLES = ("net/tcp", "net/tcp6")
LISTENING = "0A"
MAX_PROCESSES = 5_000


def program_on(port: int, proc: Path = PROC) -> str | None:
    """`"node" (pid 4123)`; None if it belongs to another user or the system does not say."""
    sockets = {f"socket:[{inode}]" for inode in listening_sockets(port, proc)}
    if not sockets:
        return None
    for process in processes(proc):
        if any(opened in sockets for opened in open_files(process)):
            return f'"{name_of(process)}" (pid {process.name})'
    return None


def listening_sockets(port: int, proc: Path) -> Iterator[str]:
    for table in TABLES:
        try:
            rows = (proc / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in map(str.split, rows):
            if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port:
                yield row[9]


def processes(proc: Path) -> list[Path]:
    try:
        found = [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return []
    return found[:MAX_PROCESSES]


def open_files(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return  # Another user's, or it has just ended.


def name_of(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "?"
