"""Open the page of the running gateway in the browser."""

import click

from stockyard.cli.asking import Server
from stockyard.cli.browser import open_page
from stockyard.cli.document import print_json
from stockyard.cli.flags import server_flags
from stockyard.storage.datafolder import holder_of


@click.command("open")
@server_flags
def page(server: Server, as_json: bool) -> None:
    """Open the page of the running gateway in the browser, and print its address."""
    server.only_here()
    server.connect().close()
    address, opened = holder_of(server.data_dir)[1], open_page(server.data_dir)
    if as_json:
        print_json({"url": address, "opened": opened})
    else:
        click.echo(address if opened else f"{address} (no browser was found here)")
