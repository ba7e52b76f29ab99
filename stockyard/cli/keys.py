"""Make Keys, see them, take them back."""

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from stockyard.cli.asking import Server, print_json, server_options
from stockyard.cli.newfile import new_private_file
from stockyard.cli.table import table

PATH = "/api/team/keys"


@click.group()
def keys() -> None:
    """Make Keys, see them, take them back."""


@keys.command("create")
@click.argument("name")
@click.option("--out", metavar="FILE", help="Write the secret into this new file (0600).")
@server_options
def create(server: Server, name: str, out: str | None, as_json: bool) -> None:
    """Make a Key for a program. Its secret is shown now and never again."""
    if not (out or as_json or sys.stdout.isatty()):
        raise click.UsageError("A secret is shown on a terminal only: use --out FILE or --json.")
    # First the file: a secret that cannot be written would be lost.
    opened = new_private_file(Path(out)) if out else None
    made = server.post(PATH, {"name": name})
    if opened is not None:
        with os.fdopen(opened, "w") as file:
            file.write(made["key"] + "\n")
    if as_json:
        print_json({**made, "key": None, "file": out} if out else made)
        return
    where = f"in {out}" if out else made["key"]
    click.echo(f"{made['name']} ({made['id']}): {where}")
    if not out:
        click.echo("Shown once. Lost? Make another.")


@keys.command("list")
@server_options
def list_keys(server: Server, as_json: bool) -> None:
    """Show every Key, the newest first, without its secret."""
    answer = server.get(PATH)
    if as_json:
        print_json(answer)
        return
    for line in table(("ID", "NAME", "KEY", "STATE"), [row_of(key) for key in answer["keys"]]):
        click.echo(line)


@keys.command("show")
@click.argument("key_id", metavar="ID")
@server_options
def show(server: Server, key_id: str, as_json: bool) -> None:
    """Show one Key, without its secret."""
    from stockyard.process.logs.lines import printable

    key = server.get(f"{PATH}/{quote(key_id, safe='')}")
    if as_json:
        print_json(key)
        return
    for name, value in key.items():
        click.echo(f"{name}: {'' if value is None else printable(str(value))}")


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@server_options
def revoke(server: Server, key_id: str, as_json: bool) -> None:
    """Take a Key back, for ever and at once."""
    answer = server.delete(f"{PATH}/{quote(key_id, safe='')}")
    if as_json:
        print_json(answer)
    else:
        click.echo(f"Revoked: {key_id}.")


def row_of(key: dict[str, Any]) -> tuple[str, str, str, str]:
    state = "revoked" if key["revoked_at"] else "active"
    return key["id"], key["name"], f"{key['prefix']}…{key['last4']}", state
