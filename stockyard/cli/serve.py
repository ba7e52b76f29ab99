"""Start the gateway and serve until it is asked to stop."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import click

from stockyard.errors import CannotStart


@click.command()
@click.option("--host", help="Address to listen on; 127.0.0.1 unless told.")
@click.option("--port", type=int, help="Port to listen on; 4200 unless told.")
@click.option("--data", "data_dir", help="Data folder; ~/.stockyard unless told.")
@click.option("--config", help="Config file, TOML or YAML.")
@click.option("--no-mock", is_flag=True, help="Never answer from the built-in mock provider.")
@click.argument("file", required=False)
def serve(
    host: str | None,
    port: int | None,
    data_dir: str | None,
    config: str | None,
    no_mock: bool,
    file: str | None,
) -> None:
    """Start the gateway. This is what `stockyard` alone does."""
    overrides: dict[str, Any] = {"config": config or file} if config or file else {}
    server = {"host": host, "port": port, "data_dir": data_dir}
    overrides["server"] = {name: value for name, value in server.items() if value is not None}
    if no_mock:
        overrides["mock"] = {"enabled": False}
    try:
        run(overrides)
    except CannotStart as error:
        print(f"stockyard: {error.message}", file=sys.stderr)
        sys.exit(error.exit_code)


def run(overrides: dict[str, Any]) -> None:
    """Load the settings and serve. Raises CannotStart."""
    from stockyard.settings import load

    settings = load(overrides, os.environ, Path.cwd())
    import uvloop

    from stockyard.serving import serve_until_stopped

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(settings))
