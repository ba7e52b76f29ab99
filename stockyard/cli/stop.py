"""Stop the running gateway once its calls have ended."""

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import FAILED, UNREACHABLE, VerbError
from stockyard.cli.flags import grace_flag, server_flags

MARGIN = 15.0
"""Seconds on top of the grace: error events, and closing the database."""


@click.command()
@grace_flag
@server_flags
def stop(server: Server, grace: float, as_json: bool) -> None:
    """Stop the running gateway. Returns when it has ended."""
    server.only_here()
    connection = server.connect()
    status, _ = server.exchange(connection, "POST", "/control/stop", {"grace_seconds": grace})
    if status != 202:
        raise VerbError(FAILED, f"The server refused to stop (status {status}).")
    opened = connection.sock
    opened.settimeout(grace + MARGIN)
    try:
        # The process keeps this connection to its end, and the kernel closes it then.
        opened.recv(1)
    except TimeoutError:
        raise VerbError(UNREACHABLE, "The server has not ended yet: look at its log.") from None
    except ConnectionError:
        pass  # Ended as well.
    finally:
        connection.close()
    if as_json:
        print_json({"stopped": True})
    else:
        click.echo("Stopped.")
