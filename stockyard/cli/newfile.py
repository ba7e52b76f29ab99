"""A new file that nobody else can read."""

import os
from pathlib import Path

from stockyard.cli.failure import FAILED, VerbError


def new_private_file(path: Path) -> int:
    """Made with mode 0600; raises VerbError when it is there already."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise VerbError(FAILED, f"Cannot make {path}: {error.strerror}.") from None
