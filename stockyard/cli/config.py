"""Show the settings in effect, check a config file, list every setting."""

import os
from pathlib import Path
from typing import Any

import click

from stockyard.cli.document import print_json
from stockyard.errors import CannotStart
from stockyard.settings import Settings, load
from stockyard.settings.written import as_file


@click.group()
def config() -> None:
    """Show the settings, check a config file, list every setting."""


@config.command("show")
@click.option("--config", "file", metavar="FILE", help="Config file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def show(file: str | None, as_json: bool) -> None:
    """Print the settings that `serve` would use here, without secrets."""
    settings = load({"config": file}, os.environ, Path.cwd())
    if as_json:
        print_json(document(settings))
        return
    click.echo(f"# {settings.file or 'No config file: environment and defaults.'}")
    for line in as_file(settings):
        click.echo(line)


@config.command("check")
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def check(file: str | None, as_json: bool) -> None:
    """Check a config file and its modules. On an error, exit code 78 and the place of the first
    one."""
    from stockyard.cli.checks.process import configured_modules

    settings = load({"config": file}, os.environ, Path.cwd())
    modules = configured_modules(settings)
    if modules.state == "fail":
        raise CannotStart(78, modules.title)
    name = str(settings.file) if settings.file else None
    if as_json:
        print_json({"ok": True, "file": name, "warnings": settings.warnings})
        return
    click.echo(f"{name or 'No config file; the environment'} is valid.")
    for warning in settings.warnings:
        click.echo(warning, err=True)


@config.command("docs")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def docs(as_json: bool) -> None:
    """Print every setting with its default and meaning."""
    if as_json:
        print_json(document(Settings()))
        return
    for line in as_file(Settings(), described=True):
        click.echo(line)


def document(settings: Settings) -> dict[str, Any]:
    """As JSON has it: the same tables, read back from the file that they make."""
    import tomllib

    return tomllib.loads("\n".join(as_file(settings)))
