"""Print the version."""

import click

from stockyard import __version__


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def version(as_json: bool) -> None:
    """Print the version."""
    import platform

    python = platform.python_version()
    if as_json:
        from stockyard.cli.document import print_json

        print_json({"version": __version__, "python": python})
    else:
        click.echo(f"Stockyard {__version__} (Python {python})")
