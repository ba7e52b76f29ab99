"""Check this machine and this installation, and say how to fix what is wrong."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from stockyard import __version__
from stockyard.cli.asking import Server
from stockyard.cli.checks.check import Check
from stockyard.cli.document import print_json
from stockyard.cli.failure import FAILED
from stockyard.errors import CannotStart
from stockyard.settings import Settings, load

TITLE_WIDTH = 68
WORDS = {"ok": "ok", "info": "notes", "warn": "warnings", "fail": "failures", "skip": "skipped"}


@click.command()
@click.option("--data", "data_dir", metavar="DIR", help="Data folder.")
@click.option("--config", metavar="FILE", help="Config file.")
@click.option("--fix", is_flag=True, help="Fix what is safe to fix, after asking.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--debug", is_flag=True, expose_value=False, hidden=True)
def doctor(data_dir: str | None, config: str | None, fix: bool, yes: bool, as_json: bool) -> None:
    """Check this machine and this installation. No provider is called. Exit code 1 on a failure."""
    began = time.monotonic()
    checks = list(examine(data_dir, config))
    if fix and mended(checks, ask=not yes):
        checks = list(examine(data_dir, config))
    counts: Counter[str] = Counter(check.state for check in checks)
    if as_json:
        found = msgspec.to_builtins(checks)
        print_json({"version": __version__, "ok": not counts["fail"], "checks": found})
    else:
        took = time.monotonic() - began
        click.echo(f"Stockyard {__version__} doctor ({took:.1f} s, no network used)")
        for check in checks:
            click.echo(line_of(check))
        click.echo(", ".join(f"{counts[state]} {word}" for state, word in WORDS.items()))
    if counts["fail"]:
        sys.exit(FAILED)


def mended(checks: list[Check], *, ask: bool) -> bool:
    """Apply the safe fixes. Returns whether anything was changed."""
    done = False
    for check in checks:
        if check.mends is None:
            continue
        if ask and not sys.stdin.isatty():
            raise click.UsageError("Nobody is there to be asked: add --yes.")
        if ask and not click.confirm(f"{check.title}. {check.fix}?", err=True):
            continue
        path, mode = check.mends
        os.chmod(path, mode)
        click.echo(f"Mended: {check.fix}", err=True)
        done = True
    return done


def examine(data_dir: str | None, config: str | None) -> Iterator[Check]:
    from stockyard.cli.checks.machine import machine

    environ = dict(os.environ)
    yield from machine(environ)
    try:
        settings = load({"server.data_dir": data_dir, "config": config}, environ, Path.cwd())
    except CannotStart as error:
        yield Check("config", "fail", error.message, "Correct it, then run doctor again.")
        return
    yield from configuration(settings)
    yield from installation(settings, environ)


def configuration(settings: Settings) -> Iterator[Check]:
    yield Check("config", "ok", f"config file: {settings.file or 'none, all defaults'}")
    for warning in settings.warnings:
        yield Check("config", "warn", warning)
    server = settings.server
    secured = "TLS" if server.tls_cert else "behind a proxy" if server.behind_proxy else "plain"
    yield Check("bind", "ok", f"listens on {server.host}, {secured}")


def installation(settings: Settings, environ: dict[str, str]) -> Iterator[Check]:
    from stockyard.cli.checks.data import data
    from stockyard.cli.checks.neighbours import neighbours
    from stockyard.cli.checks.process import running_process, stopped_process

    server = Server(settings.server.data_dir)
    running = server.running()
    yield from data(settings, running=running)
    if running:
        yield from running_process(server)
    else:
        yield from stopped_process(settings, environ)
    yield from neighbours()


def line_of(check: Check) -> str:
    found = f"  {check.state:<5} {check.title}"
    return f"{found:<{TITLE_WIDTH}} {check.fix}" if check.fix else found
