"""Start the gateway and serve until it is asked to stop."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

Given = dict[str, Any]


@click.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 unless told.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port; 4200 unless told, 0 is any.")
@click.option("--data", "data_dir", metavar="DIR", help="Data folder; ~/.stockyard unless told.")
@click.option("--config", metavar="FILE", help="Config file, TOML or YAML.")
@click.option("--behind-proxy", metavar="CIDR", help="Networks of proxies to believe, with commas.")
@click.option("--tls-cert", metavar="FILE", help="Certificate, PEM, with its chain.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key, PEM.")
@click.option("--owner", type=click.Choice(["file", "database"]), help="Who decides on modules.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
@click.option("--log-format", type=click.Choice(["text", "json"]))
@click.option("--no-mock", is_flag=True, help="Never answer from the built-in mock provider.")
@click.option("--ephemeral", is_flag=True, help="Keep the data in a folder that is deleted.")
@click.option("--debug", is_flag=True, help="Show where in the program an error happened.")
@click.argument("file", required=False)
def serve(
    config: str | None,
    file: str | None,
    data_dir: str | None,
    behind_proxy: str | None,
    no_mock: bool,
    ephemeral: bool,
    debug: bool,
    **flags: Any,
) -> None:
    """Start the gateway. This is what `stockyard` alone does. FILE is a config file."""
    if ephemeral and data_dir:
        raise click.UsageError("Use --data or --ephemeral, not both.")
    given = {
        "config": config or file,
        "server.host": flags["host"],
        "server.port": flags["port"],
        "server.data_dir": data_dir,
        "server.behind_proxy": behind_proxy,
        "server.tls_cert": flags["tls_cert"],
        "server.tls_key": flags["tls_key"],
        "config.owner": flags["owner"],
        "log.level": flags["log_level"],
        "log.format": flags["log_format"],
        "mock.enabled": False if no_mock else None,
    }
    with data_folder(given, ephemeral=ephemeral):
        run(given)


@contextmanager
def data_folder(given: Given, *, ephemeral: bool) -> Iterator[None]:
    """With `--ephemeral` a folder for this run alone."""
    if not ephemeral:
        yield
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="stockyard-") as folder:
        given["server.data_dir"] = folder
        yield


def run(given: Given) -> None:
    """Load the settings and serve. Raises CannotStart."""
    import gc

    # What is imported now lives to the end; to look through it for garbage delays the start.
    gc.disable()
    from stockyard.process.hardening import harden
    from stockyard.settings import load

    harden()
    environ, folder = dict(os.environ), Path.cwd()

    import asyncio

    import uvloop

    from stockyard.process.serving import serve_until_stopped

    gc.enable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(lambda: load(given, environ, folder), environ))
