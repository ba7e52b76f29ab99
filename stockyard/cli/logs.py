"""Show calls in the terminal, the newest last."""

import time
from collections import deque
from datetime import datetime
from typing import Any

import click

from stockyard.cli.asking import Server, print_json, server_options

POLL = 0.5
"""Seconds between two looks."""
LOOK_BACK = 200
"""Calls that one look can see."""
REMEMBERED = 1_000


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "-n", "count", type=click.IntRange(0, LOOK_BACK), default=20, show_default=True, help="Calls."
)
@server_options
def logs(server: Server, follow: bool, count: int, as_json: bool) -> None:
    """Show the newest calls: who asked for what, who answered, how long it took."""
    newest = traces(server, max(count, 1))
    shown = newest[len(newest) - count :] if count else []
    if as_json and not follow:
        print_json({"traces": shown, "count": len(shown)})
        return
    seen = deque((trace["id"] for trace in newest), REMEMBERED)
    for trace in shown:
        show(trace, as_json=as_json)
    while follow:
        time.sleep(POLL)
        for trace in unseen(traces(server, LOOK_BACK), seen):
            show(trace, as_json=as_json)


def traces(server: Server, limit: int) -> list[dict[str, Any]]:
    """The newest calls, the oldest of them first."""
    found: list[dict[str, Any]] = server.get(f"/api/lookout/traces?limit={limit}")["traces"]
    return found[::-1]


def unseen(found: list[dict[str, Any]], seen: "deque[str]") -> list[dict[str, Any]]:
    """Those that were not shown yet. Says so when some came and went between two looks."""
    known = set(seen)
    fresh = [trace for trace in found if trace["id"] not in known]
    if known and len(fresh) == LOOK_BACK:
        click.echo("… more calls than can be shown", err=True)
    seen.extend(trace["id"] for trace in fresh)
    return fresh


def show(trace: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(trace)
        return
    from stockyard.process.logs import call_text

    began = datetime.fromisoformat(trace["created_at"])
    click.echo(
        call_text(
            int(began.timestamp() * 1e9) + trace["total_us"] * 1_000,
            status=trace["http_status"],
            key=trace["key_name"] or trace["key_id"],
            asked=trace["alias"] or trace["model_asked"],
            provider=trace["provider"],
            model=trace["model"],
            tokens_in=trace["tokens_in"],
            tokens_out=trace["tokens_out"],
            elapsed_us=trace["total_us"],
            error=trace["error_code"] or trace["error_kind"] or "",
            trace_id=trace["id"],
        )
    )
