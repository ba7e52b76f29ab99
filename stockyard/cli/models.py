"""List the models that can be called, as far as they are known without asking anybody."""

import click

from stockyard.cli.asking import Server, print_json, server_options
from stockyard.cli.table import table


@click.command()
@server_options
def models(server: Server, as_json: bool) -> None:
    """List the models that can be called, with their provider."""
    answer = server.get("/api/chute/models")
    if as_json:
        print_json(answer)
        return
    rows = [(model["id"], model["provider"]) for model in answer["models"]]
    for line in table(("MODEL", "PROVIDER"), rows):
        click.echo(line)
