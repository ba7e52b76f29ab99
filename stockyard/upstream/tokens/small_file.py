"""Read a small file that holds a secret, without ever showing its content in an error."""

import asyncio
from pathlib import Path

from stockyard.errors import UpstreamError

MAX_BYTES = 64 * 1024


async def content_of(path: str, what: str) -> bytes:
    """The content of a file, read anew. Raises UpstreamError (`auth`), which calls it `what`."""
    return await asyncio.get_running_loop().run_in_executor(None, read, path, what)


def read(path: str, what: str) -> bytes:
    """The same, blocking: for callers that run in a thread."""
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(MAX_BYTES)
    except (OSError, ValueError, RuntimeError):
        raise UpstreamError("auth", f"{what} cannot be read.", nothing_sent=True) from None
