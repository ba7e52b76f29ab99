"""Print events as they happen, one JSON document per line."""

from urllib.parse import urlencode

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.flags import server_flags


@click.command()
@click.argument("topics", metavar="[TOPIC]…", nargs=-1)
@click.option("--filter", "filter_", default="", help="Only matching events, as for logs.")
@server_flags
def events(server: Server, topics: tuple[str, ...], filter_: str, as_json: bool) -> None:
    """Print events as they happen, until Ctrl-C. The only TOPIC today is exchange."""
    query = urlencode({"topics": ",".join(topics) or "exchange", "filter": filter_})
    for event, data in server.listen(f"/api/events?{query}"):
        if event:
            print_json({"event": event, "data": data})
