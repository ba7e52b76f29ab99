"""Restart the running gateway without failing a call."""

import time
from typing import Any

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import FAILED, UNREACHABLE, VerbError
from stockyard.cli.flags import grace_flag, server_flags
from stockyard.process.socketpath import PROCESS

MARGIN = 30.0
"""Seconds on top of the grace: error events, and the start of the new process."""
LOOK_EVERY = 0.1
ONE_RUN = "Its data was for one run (--ephemeral) and is gone. It begins anew with other data."


@click.command()
@grace_flag
@server_flags
def restart(server: Server, grace: float, as_json: bool) -> None:
    """Restart the running gateway. Returns when the new process serves.

    With --supervise it takes over at once, while calls run on. Otherwise it begins when they have
    ended; connections wait meanwhile.
    """
    server.only_here()
    before = process_of(server)
    connection = server.connect()
    try:
        status, _ = server.exchange(
            connection, "POST", "/control/restart", {"grace_seconds": grace}
        )
    finally:
        connection.close()
    if status != 202:
        raise VerbError(FAILED, f"The server refused to restart (status {status}).")
    now = new_process(server, before, until=time.monotonic() + grace + MARGIN)
    if as_json:
        print_json({"restarted": True, "pid": now["pid"]})
    else:
        click.echo(f"Restarted (pid {now['pid']}).")


def new_process(server: Server, before: Any, *, until: float) -> Any:
    """The process that serves now. Raises VerbError: 1 if none could take over, 4 if it does not
    come."""
    while time.monotonic() < until:
        time.sleep(LOOK_EVERY)
        try:
            now = process_of(server)
        except VerbError:
            if not server.data_dir.exists():
                raise VerbError(FAILED, ONE_RUN) from None
            continue  # Between the two nobody listens there.
        if now["pid"] != before["pid"] or now["began_ns"] != before["began_ns"]:
            return now
        if now["failed_restarts"] > before["failed_restarts"]:
            raise VerbError(
                FAILED, "The new process could not start, and the old one goes on: see the log."
            )
    raise VerbError(UNREACHABLE, "No new process serves yet: look at the log.")


def process_of(server: Server) -> Any:
    """Which process it is. Raises VerbError (4) if nobody answers."""
    status, answer = server.probe(PROCESS)
    if status != 200:
        raise VerbError(UNREACHABLE, "This server is of another version: stop and start it.")
    return answer
