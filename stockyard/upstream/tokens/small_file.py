"""Read a file that holds a secret: small, anew each time, and never told of."""

import asyncio
from pathlib import Path

from stockyard.errors import UpstreamError

MAX_BYTES = 64 * 1024


async def content_of(path: str, what: str) -> bytes:
    """What is in a file. Raises UpstreamError (`auth`), which calls the file `what`."""
    return await asyncio.get_running_loop().run_in_executor(None, read, path, what)


def read(path: str, what: str) -> bytes:
    """As `content_of`, for callers that run in a thread already."""
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(MAX_BYTES)
    except (OSError, ValueError, RuntimeError):
        raise UpstreamError("auth", f"{what} cannot be read.", nothing_sent=True) from None
