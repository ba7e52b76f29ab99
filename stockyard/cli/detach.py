"""Start the gateway in the background, and return when it serves."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from stockyard.cli.asking import Server
from stockyard.cli.failure import FAILED, VerbError
from stockyard.errors import CannotStart
from stockyard.process.logs.rotation import NAME
from stockyard.process.note import NOTE
from stockyard.settings import load
from stockyard.storage.datafolder import holder_of, make_private

LOG = "log"
ERRORS = "errors.log"
"""What is said before there is a log, and should the process fail."""
FOLDER_SETTING = "STOCKYARD__log__folder"
PATIENCE = 60.0
LOOK_EVERY = 0.05


def detached(given: dict[str, Any], command: Sequence[str], *, browse: bool) -> None:
    """Run this command in a session of its own. Raises CannotStart, or ends as the command does."""
    data_dir = load(given, os.environ, Path.cwd()).server.data_dir
    server = Server(data_dir)
    if server.running():
        raise CannotStart(75, f"Stockyard is already running ({data_dir}).")
    folder = data_dir / LOG
    make_private(data_dir)
    make_private(folder)
    with (folder / ERRORS).open("wb") as errors:
        child = subprocess.Popen(  # noqa: S603  ourselves
            command,
            env={**os.environ, FOLDER_SETTING: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
    wait_for(server, child, folder / ERRORS)
    say_where(data_dir, named=given["server.data_dir"] is not None)
    if browse:
        from stockyard.cli.browser import open_page

        open_page(data_dir)


def say_where(data_dir: Path, *, named: bool) -> None:
    pid, address = holder_of(data_dir)
    click.echo(f"Stockyard serves in the background: {address} (pid {pid})")
    click.echo(f"  Log   {data_dir / LOG / NAME}")
    if (data_dir / NOTE).exists():
        click.echo(f"  Keys  {data_dir / NOTE} (store them, then delete the file)")
    click.echo("  Stop  stockyard stop" + (f" --data {data_dir}" if named else ""))


def wait_for(server: Server, child: "subprocess.Popen[bytes]", errors: Path) -> None:
    """Until it wants traffic. Ends this process as the child, if that ends."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if child.poll() is not None:
            click.echo(errors.read_text(errors="replace").rstrip(), err=True)
            sys.exit(child.returncode if child.returncode > 0 else FAILED)
        if server.serves():
            return
        time.sleep(LOOK_EVERY)
    raise VerbError(FAILED, f"The gateway does not serve yet: see {errors.parent}.")
