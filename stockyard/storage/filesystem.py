"""Detect the file system of a folder: on some, locks are not reliable enough for a database."""

from pathlib import Path

UNSAFE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "glusterfs", "afs"})
"""Locks over these may be granted twice."""
NETWORK = UNSAFE | {"9p"}
"""9p is also how some sandboxes give a program its own disk."""
MOUNTS = Path("/proc/self/mounts")


def kind_of(folder: Path, mounts: Path = MOUNTS) -> str:
    """The kind of the innermost mount that holds the folder. Empty where nothing says it."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return ""
    # A space in a path is written as \040.
    holding = [
        (line[1], line[2]) for line in lines if folder.is_relative_to(line[1].replace("\\040", " "))
    ]
    return max(holding, key=lambda mount: len(mount[0]), default=("", ""))[1]
