"""Define your own names for models. The next call sees the change."""

from typing import Any
from urllib.parse import quote

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.flags import server_flags
from stockyard.cli.table import table

PATH = "/api/chute/aliases"


@click.group()
def aliases() -> None:
    """Define your own names for models."""


@aliases.command("list")
@server_flags
def list_aliases(server: Server, as_json: bool) -> None:
    """Show every name and what it stands for."""
    answer = server.get(PATH)
    if as_json:
        print_json(answer)
        return
    rows = [(one["alias"], one["model"], one["provider"]) for one in answer["aliases"]]
    for line in table(("ALIAS", "MODEL", "PROVIDER"), rows):
        click.echo(line)


@aliases.command("set")
@click.argument("alias")
@click.argument("model")
@click.option("--provider", default="", help="Only at this provider.")
@click.option("--hidden", is_flag=True, help="Leave it out of the list of models.")
@server_flags
def set_alias(
    server: Server, alias: str, model: str, provider: str, hidden: bool, as_json: bool
) -> None:
    """Define a name. One `*` in it stands for any text, and `{1}` in the model for that same
    text."""
    body: dict[str, Any] = {"model": model, "provider": provider, "hidden": hidden}
    answer = server.put(path_of(alias), body)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{alias} is {model}.")


@aliases.command("remove")
@click.argument("alias")
@server_flags
def remove(server: Server, alias: str, as_json: bool) -> None:
    """Remove a name."""
    answer = server.delete(path_of(alias))
    if as_json:
        print_json(answer)
    else:
        click.echo(f"Removed: {alias}.")


def path_of(alias: str) -> str:
    return f"{PATH}/{quote(alias)}"
