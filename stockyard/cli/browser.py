"""Open the gateway's page in the browser, once the gateway serves."""

import os
import sys
import threading
import time
import webbrowser
from pathlib import Path
from typing import Any

from stockyard.cli.asking import Server
from stockyard.storage.datafolder import holder_of

PATIENCE = 30.0
LOOK_EVERY = 0.1
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""Without one of these, a browser would run in the terminal that we write to."""


def open_when_it_serves(given: dict[str, Any]) -> None:
    """In a thread of its own: the gateway is about to be served by this process."""
    from stockyard.settings import load

    data_dir = load(given, os.environ, Path.cwd()).server.data_dir
    threading.Thread(target=_wait_and_open, args=(data_dir,), daemon=True).start()


def open_page(data_dir: Path) -> bool:
    """Of the gateway that serves from this folder. False where there is no screen or browser."""
    if sys.platform != "linux" or any(map(os.environ.get, SCREENS)):
        return webbrowser.open(holder_of(data_dir)[1])
    return False


def _wait_and_open(data_dir: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        time.sleep(LOOK_EVERY)
        if Server(data_dir).serves():
            open_page(data_dir)
            return
