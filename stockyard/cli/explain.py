"""Explain what happened to a call."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import click

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.flags import server_flags
from stockyard.cli.table import table


@click.command()
@click.argument("trace_id", metavar="TRACE")
@click.option(
    "--body",
    type=click.Choice(["request", "response"]),
    help="Print what was said instead, as JSON, where `logging` keeps it.",
)
@server_flags
def explain(server: Server, trace_id: str, body: str | None, as_json: bool) -> None:
    """Explain what happened to a call, module by module. TRACE is its id, tr_…"""
    if body is not None:
        print_json(server.get(f"{path_of(trace_id)}/body?part={body}"))
        return
    if as_json:
        print_json(explanation(server, trace_id))
        return
    for line in strip_of(server, trace_id):
        click.echo(line)


def path_of(trace_id: str) -> str:
    return f"/api/lookout/traces/{quote(trace_id, safe='')}"


def explanation(server: Server, trace_id: str) -> Any:
    return server.get(f"{path_of(trace_id)}/explain")


def strip_of(server: Server, trace_id: str) -> Iterator[str]:
    """What each module did, then each try at a provider."""
    from stockyard.process.logs.lines import printable

    told = explanation(server, trace_id)
    rows = [
        (step["module"], step["decision"], f"{step['us']:,.0f} us", step["reason"])
        for step in told["steps"]
    ]
    rows += [
        (
            f"{attempt['provider']}/{attempt['model']}",
            attempt.get("outcome") or "",
            f"{duration(attempt):,} us",
            attempt.get("error") or "",
        )
        for attempt in told["attempts"]
    ]
    rows.append(("in all", told["status"], f"{told['total_us']:,} us", ""))
    shown = [[printable(cell) for cell in row] for row in rows]
    yield from table(("WHO", "DID", "TIME", "WHY"), shown)


def duration(attempt: dict[str, Any]) -> int:
    ended: int = attempt.get("ended_us") or attempt["started_us"]
    return ended - int(attempt["started_us"])
