"""One JSON document on one line, for programs."""

import click
import msgspec


def print_json(document: object) -> None:
    click.echo(msgspec.json.encode(document))
