"""Report whether the gateway runs: exit code 0 or 1, for containers."""

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import FAILED, VerbError
from stockyard.cli.flags import server_flags


@click.command()
@click.option("--ready", is_flag=True, help="Also whether it is ready for traffic.")
@server_flags
def health(server: Server, ready: bool, as_json: bool) -> None:
    """Report whether the gateway runs: exit code 0 or 1."""
    try:
        status, answer = server.probe("/readyz" if ready else "/health")
    except VerbError as error:
        if as_json:
            print_json({"ok": False, "reason": error.message})
        raise VerbError(FAILED, error.message) from None
    ok = status == 200
    if as_json:
        print_json({"ok": ok, **answer})
    elif ok:
        click.echo("ok")
    if not ok:
        state = answer.get("state") or answer.get("status")
        raise VerbError(FAILED, f"The gateway is {state}.")
