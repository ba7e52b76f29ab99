"""Bind the listening socket before anything else is opened, or explain why that is not possible."""

import errno
import socket
from pathlib import Path

from stockyard.errors import CannotStart
from stockyard.gateway.server import ServerSettings, Tls, bind
from stockyard.process.certificate import refuse_expired
from stockyard.process.portowner import program_on
from stockyard.settings import Settings
from stockyard.storage.datafolder import DataFolder

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, never bound unasked
"""Addresses to listen on that cannot be called, and those to call instead."""


def listen(server_settings: ServerSettings, data_dir: Path) -> socket.socket:
    """Raises CannotStart: 75 if this data folder is being served already, else as `bind` does."""
    try:
        return bind(server_settings)
    except CannotStart as refused:
        cause = refused.__cause__
        if not isinstance(cause, OSError) or cause.errno != errno.EADDRINUSE:
            raise
        refuse_a_second(data_dir)
        raise CannotStart(69, port_taken(server_settings.port)) from None


def refuse_a_second(data_dir: Path) -> None:
    """Raises CannotStart (75) if the folder is in use: most likely it is we who have the port."""
    if data_dir.is_dir():
        folder = DataFolder(data_dir)
        folder.open()
        folder.close()


def port_taken(port: int) -> str:
    owner = program_on(port) or "another program"
    another = port + 1 if port < 65_535 else port - 1
    return f"Port {port} is used by {owner}. Start with --port {another}, or stop it."


def server_settings_of(settings: Settings) -> ServerSettings:
    """Raises CannotStart (78) for a certificate that has expired."""
    server = settings.server
    tls = None
    if server.tls_cert:
        certificate = Path(server.tls_cert).expanduser()
        refuse_expired(certificate)
        tls = Tls(
            certificate=certificate,
            key=Path(server.tls_key).expanduser(),
            handshake_timeout_s=settings.http.tls_handshake,
        )
    return ServerSettings(
        host=server.host.strip("[]"),
        port=server.port,
        tls=tls,
        predrain_s=server.predrain,
        drain_s=server.drain,
        hard_stop_s=server.hard_stop,
    )


def address_of(listening: socket.socket, *, tls: bool) -> str:
    """Where programs of this machine reach us."""
    host, port = listening.getsockname()[:2]
    reachable = EVERYWHERE.get(host, host)
    shown = f"[{reachable}]" if ":" in reachable else reachable
    return f"{'https' if tls else 'http'}://{shown}:{port}"
