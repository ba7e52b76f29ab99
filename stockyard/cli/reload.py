"""Reload the changed config file while calls run."""

import sys

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import PARTLY_DONE
from stockyard.cli.flags import server_flags


@click.command()
@server_flags
def reload(server: Server, as_json: bool) -> None:
    """Reload the changed config file. All of it takes effect for the next call, or nothing does.

    Exit code 3 when some of the changes wait for a restart.
    """
    server.only_here()
    done = server.post("/control/reload", {})
    if as_json:
        print_json(done)
    else:
        changed = ", ".join(done["changed"])
        click.echo(f"In effect: {changed}." if changed else "Nothing has changed.")
        if done["waiting"]:
            click.echo(f"Waits for a restart: {', '.join(done['waiting'])}.")
        for warning in done["warnings"]:
            click.echo(warning, err=True)
    if done["waiting"]:
        sys.exit(PARTLY_DONE)
