"""Notify the service manager that the gateway is ready (systemd's `Type=notify`)."""

import socket
from collections.abc import Mapping

READY = b"READY=1"


def notify_ready(environ: Mapping[str, str]) -> None:
    """Does nothing if no manager asked for notifications, or it does not listen."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # without a place in the file system
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as telling:
        telling.setblocking(False)
        try:
            telling.sendto(READY, address)
        except OSError:
            return
