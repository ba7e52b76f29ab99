"""Show calls in the terminal, the newest last."""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from stockyard.cli.asking import Server
from stockyard.cli.document import print_json
from stockyard.cli.explain import strip_of
from stockyard.cli.failure import WRONG_USE, VerbError
from stockyard.cli.flags import server_flags
from stockyard.cli.newfile import new_private_file

PATH = "/api/lookout/traces"
LOOK_BACK = 1_000
"""Calls that one look can see."""
AGO = re.compile(r"\d{1,6}[smhd]")
EXACT = re.compile(r"-\d{1,6}[smhd]|\d{1,15}|\d{4}-\d\d-\d\d.*")
"""Ago as the API writes it, milliseconds, or a date with or without a time."""

Trace = dict[str, Any]


@click.command()
@click.argument("filter_", metavar="[FILTER]", nargs=-1)
@click.option("-f", "--follow", is_flag=True, help="Follow new calls, until Ctrl-C.")
@click.option(
    "-n", "count", type=click.IntRange(0, LOOK_BACK), default=20, show_default=True, help="Calls."
)
@click.option("--since", metavar="WHEN", help="Only calls since then: 1h, 7d, or a date.")
@click.option("--fields", metavar="A,B", help="Show these fields of each call.")
@click.option("--explain", is_flag=True, help="Also what each module did.")
@click.option("--export", metavar="FILE", help="Write all that match into this new file.")
@server_flags
def logs(
    server: Server,
    filter_: tuple[str, ...],
    follow: bool,
    count: int,
    since: str | None,
    fields: str | None,
    explain: bool,
    export: str | None,
    as_json: bool,
) -> None:
    """Show the newest calls: who asked for what, who answered, how long it took.

    FILTER narrows them: status:error model:gpt-4* "latency>2s -tag.app:web". Put -- before one that
    begins with a minus.
    """
    if export and follow:
        raise click.UsageError("Use --export or --follow, not both.")
    query = {"filter": " ".join(filter_), "from": moment(since)}
    if export:
        written = write_all(server, query, Path(export))
        tell = {"file": export, "count": written}
        print_json(tell) if as_json else click.echo(f"Calls written to {export}: {written:,}.")
        return
    printer = Printer(server, fields, explain=explain, as_json=as_json)
    if follow:
        show_what_comes(server, query, count, printer)
        return
    shown = traces(server, query, count) if count else []
    if as_json:
        printer.document(shown)
        return
    for trace in shown:
        printer.show(trace)


def show_what_comes(server: Server, query: dict[str, str], count: int, printer: "Printer") -> None:
    """The newest calls, and then each one as it ends."""
    news = server.listen(feed_of(query))
    next(news)  # From here on none is missed.
    newest = traces(server, query, max(count, 1))
    for trace in newest[-count:] if count else ():
        printer.show(trace)
    known = {trace["id"] for trace in newest}
    for event, data in news:
        if event == "exchange" and data["id"] not in known:
            printer.show(data)
        elif event == "exchange.summary":
            click.echo(f"… {data['count']:,} more calls", err=True)


def moment(since: str | None) -> str:
    """`1h` is an hour ago. Raises UsageError for what is no time."""
    if not since or AGO.fullmatch(since):
        return f"-{since}" if since else ""
    if not EXACT.fullmatch(since):
        raise click.UsageError(f'--since: "{since}" is not a time such as 1h, 7d or 2026-11-21.')
    return since


def address(query: dict[str, str], **more: object) -> str:
    return f"{PATH}?" + urlencode({n: v for n, v in {**query, **more}.items() if v})


def traces(server: Server, query: dict[str, str], limit: int) -> list[Trace]:
    """The newest calls, the oldest of them first."""
    found: list[Trace] = server.get(address(query, limit=limit))["traces"]
    return found[::-1]


def feed_of(query: dict[str, str]) -> str:
    return "/api/events?" + urlencode({"topics": "exchange", "filter": query["filter"]})


def write_all(server: Server, query: dict[str, str], path: Path) -> int:
    """One JSON document in each line, the newest first."""
    written, cursor = 0, ""
    with os.fdopen(new_private_file(path), "wb") as file:
        while True:
            page = server.get(address(query, limit=LOOK_BACK, cursor=cursor))
            file.writelines(msgspec.json.encode(trace) + b"\n" for trace in page["traces"])
            written += len(page["traces"])
            cursor = page["next"]
            if not cursor:
                return written


class Printer:
    """How a call is shown."""

    def __init__(self, server: Server, fields: str | None, *, explain: bool, as_json: bool) -> None:
        self._server = server
        self._fields = fields.split(",") if fields else []
        self._explain = explain
        self._as_json = as_json

    def document(self, shown: list[Trace]) -> None:
        found = [self._with_strip(self._cut(trace), trace["id"]) for trace in shown]
        print_json({"traces": found, "count": len(found)})

    def show(self, trace: Trace) -> None:
        if self._as_json:
            print_json(self._with_strip(self._cut(trace), trace["id"]))
            return
        if self._fields:
            click.echo("  ".join(as_text(value) for value in self._cut(trace).values()))
        else:
            click.echo(line_of(trace))
        if self._explain:
            for line in strip_of(self._server, trace["id"]):
                click.echo(f"    {line}")

    def _cut(self, trace: Trace) -> Trace:
        unknown = [field for field in self._fields if field not in trace]
        if unknown:
            known = ", ".join(sorted(trace))
            raise VerbError(WRONG_USE, f'A call has no field "{unknown[0]}". It has: {known}.')
        return {field: trace[field] for field in self._fields} if self._fields else trace

    def _with_strip(self, shown: Trace, trace_id: str) -> Trace:
        if not self._explain:
            return shown
        return {**shown, "explain": self._server.get(f"{PATH}/{trace_id}/explain")}


def as_text(value: object) -> str:
    from stockyard.process.logs.lines import printable

    return printable(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def line_of(trace: Trace) -> str:
    from stockyard.process.logs import call_text

    began = datetime.fromisoformat(trace["created_at"])
    return call_text(
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
