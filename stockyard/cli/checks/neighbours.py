"""Programs on this machine that run models themselves and could be called."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from stockyard.cli.checks.check import Check
from stockyard.providers import catalog

PATIENCE = 0.2


def neighbours() -> Iterator[Check]:
    for port, names in local_ports().items():
        if listens(port):
            fix = f"[providers.{names[0]}] in the config file"
            yield Check("neighbours", "info", f"port {port} answers ({' or '.join(names)}?)", fix)


def local_ports() -> dict[int, list[str]]:
    """Where providers that run on one's own machine listen, by the catalog."""
    found: dict[int, list[str]] = {}
    for provider in catalog.load():
        port = urlsplit(provider.origin).port
        if provider.local and port:
            found.setdefault(port, []).append(provider.name)
    return found


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except OSError:
        return False
    return True
