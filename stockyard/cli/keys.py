"""Create, list, limit, pause, rotate and revoke Keys."""

import os
import sys
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.failure import VerbError
from stockyard.cli.flags import server_flags
from stockyard.cli.key_flags import USUAL, Duration, addresses, expires, limits, lossy, out_file
from stockyard.cli.newfile import new_private_file
from stockyard.cli.table import table

PATH = "/api/team/keys"


@click.group()
def keys() -> None:
    """Create, list, limit, pause, rotate and revoke Keys."""


@keys.command("create")
@click.argument("name")
@expires
@addresses
@limits
@lossy
@out_file
@server_flags
def create(
    server: Server,
    name: str,
    expires: int | None,
    addresses: tuple[str, ...],
    limits: tuple[dict[str, int], ...],
    lossy: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Create a Key for a program. Its secret is shown once."""
    body = {
        "name": name,
        "addresses": addresses,
        "expires_at": _moment(expires),
        "limits": limits,
        "lossy": _word(lossy),
    }
    _show_secret(server, PATH, body, out, as_json=as_json)


@keys.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap",
    type=Duration(),
    default="24h",
    show_default=True,
    metavar="TIME",
    help="How long the old secret still works; 0s: not at all.",
)
@out_file
@server_flags
def rotate(server: Server, key_id: str, overlap: int, out: str | None, as_json: bool) -> None:
    """Give a Key a new secret. It is shown once."""
    path = f"{_path_of(key_id)}/rotate"
    _show_secret(server, path, {"overlap_ms": overlap}, out, as_json=as_json)


@keys.command("list")
@server_flags
def list_keys(server: Server, as_json: bool) -> None:
    """Show every Key, the newest first, without its secret."""
    found = all_keys(server)
    if as_json:
        print_json({"keys": found, "count": len(found), "next": None})
        return
    for line in table(("ID", "NAME", "KEY", "STATE"), [row_of(key) for key in found]):
        click.echo(line)


def all_keys(server: Server) -> list[dict[str, Any]]:
    """Page by page."""
    page = server.get(f"{PATH}?limit=1000")
    found = list(page["keys"])
    while page["next"]:
        page = server.get(f"{PATH}?limit=1000&cursor={page['next']}")
        found += page["keys"]
    return found


@keys.command("show")
@click.argument("key_id", metavar="ID")
@server_flags
def show(server: Server, key_id: str, as_json: bool) -> None:
    """Show one Key, without its secret."""
    from stockyard.process.logs.lines import printable

    key = server.get(_path_of(key_id))
    if as_json:
        print_json(key)
        return
    for name, value in key.items():
        click.echo(f"{name}: {'' if value is None else printable(str(value))}")


@keys.command("change")
@click.argument("key_id", metavar="ID")
@click.option("--name", help="Its new name.")
@expires
@click.option("--never-expires", is_flag=True, help="Remove its expiry.")
@addresses
@click.option("--any-address", is_flag=True, help="Allow it from every address.")
@limits
@click.option("--no-limits", is_flag=True, help="Remove its limits.")
@lossy
@server_flags
def change(
    server: Server,
    key_id: str,
    name: str | None,
    expires: int | None,
    never_expires: bool,
    addresses: tuple[str, ...],
    any_address: bool,
    limits: tuple[dict[str, int], ...],
    no_limits: bool,
    lossy: str | None,
    as_json: bool,
) -> None:
    """Change the name, expiry, addresses, limits or translation rule of a Key."""
    both = (expires is not None and never_expires, addresses and any_address, limits and no_limits)
    if any(both):
        raise click.UsageError("A limit is either set or taken away.")
    body: dict[str, Any] = {}
    if name is not None:
        body["name"] = name
    if expires is not None or never_expires:
        body["expires_at"] = _moment(expires)
    if addresses or any_address:
        body["addresses"] = addresses
    if limits or no_limits:
        body["limits"] = limits
    if lossy is not None:
        body["lossy"] = _word(lossy)
    if not body:
        raise click.UsageError("Say what to change: see --help.")
    _say(server.patch(_path_of(key_id), body), f"Changed: {key_id}.", as_json=as_json)


@keys.command("pause")
@click.argument("key_id", metavar="ID")
@server_flags
def pause(server: Server, key_id: str, as_json: bool) -> None:
    """Refuse a Key until it is resumed."""
    answer = server.post(f"{_path_of(key_id)}/pause", {})
    _say(answer, f"Paused: {key_id}.", as_json=as_json)


@keys.command("resume")
@click.argument("key_id", metavar="ID")
@server_flags
def resume(server: Server, key_id: str, as_json: bool) -> None:
    """Accept a paused Key again."""
    answer = server.post(f"{_path_of(key_id)}/resume", {})
    _say(answer, f"Resumed: {key_id}.", as_json=as_json)


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@server_flags
def revoke(server: Server, key_id: str, as_json: bool) -> None:
    """Revoke a Key, permanently and at once."""
    _say(server.delete(_path_of(key_id)), f"Revoked: {key_id}.", as_json=as_json)


@keys.command("revoke-all")
@click.option("--keep", multiple=True, metavar="ID", help="A Key to spare. May be given again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_flags
def revoke_all(server: Server, keep: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Revoke every Key, permanently and at once."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("This revokes every Key: add --yes.")
        click.confirm("Revoke every Key? No program can call after that.", abort=True)
    answer = server.post(f"{PATH}/revoke-all", {"kept": keep})
    _say(answer, f"Revoked: {answer['revoked']}.", as_json=as_json)


def row_of(key: dict[str, Any]) -> tuple[str, str, str, str]:
    return key["id"], key["name"], f"{key['prefix']}…{key['last4']}", _state(key)


def _state(key: dict[str, Any]) -> str:
    if key["revoked_at"]:
        return "revoked"
    if key["expires_at"] and key["expires_at"] <= time() * 1000:
        return "expired"
    return "paused" if key["paused_at"] else "active"


def _path_of(key_id: str) -> str:
    return f"{PATH}/{quote(key_id, safe='')}"


def _word(lossy: str | None) -> str | None:
    return None if lossy == USUAL else lossy


def _moment(from_now_ms: int | None) -> int | None:
    return None if from_now_ms is None else int(time() * 1000) + from_now_ms


def _say(answer: Any, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(text)


def _show_secret(
    server: Server, path: str, body: dict[str, Any], out: str | None, *, as_json: bool
) -> None:
    if not (out or as_json or sys.stdout.isatty()):
        raise click.UsageError("A secret is shown on a terminal only: use --out FILE or --json.")
    # First the file: a secret that cannot be written would be lost.
    opened = new_private_file(Path(out)) if out else None
    try:
        made = server.post(path, body)
    except VerbError:
        if out is not None:
            Path(out).unlink()
        raise
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
