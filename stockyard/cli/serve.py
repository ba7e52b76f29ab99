"""Start the gateway and serve until it is asked to stop."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any, NoReturn

import click

Given = dict[str, Any]

SETTINGS: Mapping[str, str] = {
    "host": "server.host",
    "port": "server.port",
    "data": "server.data_dir",
    "behind_proxy": "server.behind_proxy",
    "tls_cert": "server.tls_cert",
    "tls_key": "server.tls_key",
    "owner": "config.owner",
    "log_level": "log.level",
    "log_format": "log.format",
}
"""Flag -> the setting that it overrides."""


@click.command()
@click.option("--host", help="Address to listen on; default 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port; default 4200, 0 for any free one."
)
@click.option("--data", metavar="DIR", help="Data folder; default ~/.stockyard.")
@click.option("--config", metavar="FILE", help="Config file, TOML or YAML.")
@click.option("--behind-proxy", metavar="CIDR", help="Trusted proxies' networks, with commas.")
@click.option("--tls-cert", metavar="FILE", help="Certificate with its chain, PEM.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key, PEM.")
@click.option("--owner", type=click.Choice(["file", "database"]), help="Who decides about modules.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
@click.option("--log-format", type=click.Choice(["text", "json"]))
@click.option("--no-mock", is_flag=True, help="Never answer from the built-in mock provider.")
@click.option("--workers", metavar="N", help="Processes; 1 with the built-in database.")
@click.option("--read-only", is_flag=True, help="Refuse every change over the API.")
@click.option("--allow-network-fs", is_flag=True, help="Allow a data folder on a network.")
@click.option("--ephemeral", is_flag=True, help="Keep the data in a temporary folder.")
@click.option("--supervise", is_flag=True, help="Restart after crashes; `restart` fails no call.")
@click.option(
    "--detach", is_flag=True, help="Serve in the background; the log is in the data folder."
)
@click.option("--open", "browse", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    help="Show where in the program an error happened.",
)
@click.argument("file", required=False)
def serve(
    config: str | None,
    file: str | None,
    workers: str | None,
    no_mock: bool,
    read_only: bool,
    allow_network_fs: bool,
    ephemeral: bool,
    supervise: bool,
    detach: bool,
    browse: bool,
    **flags: Any,
) -> None:
    """Start the gateway. This is what `stockyard` alone does. FILE is a config file."""
    if ephemeral:
        refuse_beside_ephemeral(flags["data"], lasting=supervise or detach)
    if browse and supervise and not detach:
        raise click.UsageError("--supervise opens no browser: leave out --open, or add --detach.")
    given = {setting: flags[flag] for flag, setting in SETTINGS.items()} | {
        "config": config or file,
        "server.workers": workers_of(workers),
        # A flag that is absent leaves the setting as the file has it.
        "mock.enabled": False if no_mock else None,
        "server.read_only": read_only or None,
        "server.allow_network_fs": allow_network_fs or None,
    }
    if detach:
        from stockyard.cli.detach import detached

        detached(given, command_without("--detach", "--open"), browse=browse)
    elif supervise:
        sys.exit(supervised(given))
    else:
        serve_here(given, ephemeral=ephemeral, browse=browse)


def refuse_beside_ephemeral(data_dir: str | None, *, lasting: bool) -> None:
    if data_dir:
        raise click.UsageError("Use --data or --ephemeral, not both.")
    if lasting:
        raise click.UsageError(
            "--ephemeral is for a single run in the foreground: leave it out, "
            "or leave out --supervise and --detach."
        )


def workers_of(said: str | None) -> str | None:
    """`auto` is as many as there are cores to run on."""
    if said == "auto":
        return str(len(os.sched_getaffinity(0)))
    if said is not None and not said.isdigit():
        raise click.UsageError(f'--workers: "{said}" is neither a number nor auto.')
    return said


def serve_here(given: Given, *, ephemeral: bool, browse: bool) -> None:
    """Serve in this process until it is asked to stop, or to begin anew."""
    environ = dict(os.environ)
    with data_folder(given, ephemeral=ephemeral):
        if browse:
            from stockyard.cli.browser import open_when_it_serves

            open_when_it_serves(given)
        listening = run(given, environ)
    if listening is not None:
        begin_anew(listening, environ)


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


def supervised(given: Given) -> int:
    """Hold the socket and look after the process that serves; its exit code."""
    from stockyard.process.hardening import harden
    from stockyard.process.inherited import inherited
    from stockyard.process.listening import listen, server_settings_of
    from stockyard.process.supervisor import Supervisor
    from stockyard.settings import load

    harden()
    environ = dict(os.environ)
    settings = load(given, environ, Path.cwd())
    left = inherited(environ)
    listening = left.listening or listen(server_settings_of(settings), settings.server.data_dir)
    with listening:
        return Supervisor(command_without("--supervise"), listening, environ).run()


def command_without(*flags: str) -> list[str]:
    """The command of this process, less some flags."""
    return [word for word in sys.orig_argv if word not in flags]


def run(given: Given, environ: Mapping[str, str]) -> socket | None:
    """Load the settings and serve. The listening socket, if the process is to begin anew.

    Raises CannotStart.
    """
    import gc

    # What is imported now lives to the end: collecting garbage among it would only delay the start.
    gc.disable()
    from stockyard.process.hardening import harden
    from stockyard.process.inherited import inherited
    from stockyard.settings import load

    harden()
    folder = Path.cwd()

    import asyncio

    import uvloop

    from stockyard.process.serving import serve_until_stopped

    gc.enable()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(
            serve_until_stopped(lambda: load(given, environ, folder), environ, inherited(environ))
        )


def begin_anew(listening: socket, environ: Mapping[str, str]) -> NoReturn:
    """Become the same program again, with what it was started with and the socket."""
    from stockyard.process.inherited import handed_on

    listening.set_inheritable(True)
    again = {**environ, **handed_on(listening)}
    os.execve(sys.executable, command_without("--open"), again)  # noqa: S606  ourselves
