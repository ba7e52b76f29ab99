"""The flags that many verbs have in common."""

import os
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from stockyard.cli.asking import DEADLINE, Remote, Server

F = TypeVar("F", bound=Callable[..., Any])

SERVER_FLAGS = (
    click.option("--data", "data_dir", metavar="DIR", help="The server's data folder."),
    click.option("--config", metavar="FILE", help="The server's config file."),
    click.option(
        "--url", metavar="URL", envvar="STOCKYARD_URL", help="A server on another machine."
    ),
    click.option("--key", metavar="KEY", envvar="STOCKYARD_KEY", help="The credential for --url."),
    click.option(
        "--timeout",
        "deadline",
        type=click.FloatRange(0.1, 600),
        default=DEADLINE,
        help="Seconds to wait for an answer.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    click.option("--quiet", is_flag=True, help="Print nothing but errors."),
    click.option("--debug", is_flag=True, expose_value=False, hidden=True),
)

grace_flag = click.option(
    "--grace",
    type=click.FloatRange(0, 3_600),
    default=30.0,
    show_default=True,
    help="Seconds that running calls may take to finish.",
)
"""Of the verbs that end a process; it arrives as `grace`."""


def server_flags(verb: F) -> F:
    """The flags of every verb that asks the server; they arrive as `server` and `as_json`."""

    def with_server(
        *args: Any,
        data_dir: str | None,
        config: str | None,
        url: str | None,
        key: str | None,
        deadline: float,
        quiet: bool,
        **rest: Any,
    ) -> Any:
        if url and (data_dir or config):
            raise click.UsageError("Use --url for a remote server, or --data or --config.")
        remote = Remote(url, key or "") if url else None
        folder = Path() if remote else data_folder(data_dir, config)
        server = Server(folder, deadline, remote)
        if quiet and not rest["as_json"]:
            with open(os.devnull, "w") as nobody, redirect_stdout(nobody):
                return verb(*args, server=server, **rest)
        return verb(*args, server=server, **rest)

    command: Any = update_wrapper(with_server, verb)
    for flag in reversed(SERVER_FLAGS):
        command = flag(command)
    done: F = command
    return done


def data_folder(data_dir: str | None, config: str | None) -> Path:
    """The data folder that `serve` would use with the same flags. Raises CannotStart (78)."""
    if data_dir:
        return Path(data_dir).expanduser().absolute()
    from stockyard.settings import load

    return load({"config": config}, os.environ, Path.cwd()).server.data_dir
