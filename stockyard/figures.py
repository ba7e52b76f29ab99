"""What `/metrics` shows of the running parts, besides the calls. Read only when somebody asks."""

import asyncio
import os
from collections.abc import Mapping

from stockyard.app import Stockyard

WRITER_STATES = ("ok", "failed", "down")
BREAKER_STATES = ("closed", "half_open", "cooling", "open")
DESCRIPTORS = "/proc/self/fd"


def show_figures(stockyard: Stockyard) -> None:
    """Register everything. Names and labels are those of `reliability.md` 11."""
    show_load(stockyard)
    show_refusals(stockyard)
    show_losses(stockyard)
    show_health(stockyard)


def show_load(stockyard: Stockyard) -> None:
    gauge, office = stockyard.meters.gauge, stockyard.office
    traces = stockyard.recorder.queue
    gauge("stockyard_calls_running", "Calls under way.", lambda: len(office.running))
    gauge("stockyard_http_connections", "Open connections.", lambda: len(stockyard.front.lanes))
    gauge("stockyard_drains", "Streams read on for their counts.", lambda: len(office.drains))
    gauge("stockyard_traces_queued", "Rows waiting.", lambda: traces.counts().queued)
    gauge("stockyard_tasks", "Tasks of the event loop.", lambda: tasks(stockyard.loop))
    gauge("stockyard_open_fds", "Open files and sockets.", open_files)
    gauge(
        "stockyard_loop_lag_seconds",
        "How late the event loop was when it was last looked at.",
        lambda: stockyard.overload.lag,
    )


def show_refusals(stockyard: Stockyard) -> None:
    counter, front, meters = stockyard.meters.counter, stockyard.front, stockyard.meters
    counter(
        "stockyard_http_rejects",
        "Requests refused for their HTTP alone.",
        ("rule",),
        lambda: by_one(front.http_rejects),
    )
    counter(
        "stockyard_refused",
        "Requests for models refused before a call began.",
        ("code",),
        lambda: by_one(stockyard.reception.declined),
    )
    counter(
        "stockyard_auth_failures",
        "Credentials refused.",
        ("reason",),
        lambda: by_one(stockyard.auth_failures.totals),
    )
    counter(
        "stockyard_timeouts",
        "Deadlines missed, by clients and by providers.",
        ("name",),
        lambda: by_one(front.timeouts + meters.timeouts),
    )
    counter(
        "stockyard_shed",
        "Calls turned away because there was too much to do.",
        ("reason",),
        lambda: by_one(stockyard.overload.shed),
    )
    counter(
        "stockyard_retries",
        "Tries that failed and were followed by another.",
        ("provider", "reason"),
        lambda: meters.retries,
    )


def show_losses(stockyard: Stockyard) -> None:
    counter, queues = stockyard.meters.counter, stockyard.database.queues
    counter(
        "stockyard_rows_dropped",
        "Rows that the database could not take in time.",
        ("queue",),
        lambda: by_one({name: queue.counts().dropped for name, queue in queues.items()}),
    )
    counter(
        "stockyard_trace_dropped",
        "Traces that were not written, for want of room or by a write that failed.",
        ("reason",),
        lambda: dropped_traces(stockyard),
    )
    counter(
        "stockyard_usage_invalid",
        "Counts of providers that could not be believed.",
        ("provider",),
        lambda: by_one(stockyard.meters.odd_usage),
    )


def show_health(stockyard: Stockyard) -> None:
    meters, writer = stockyard.meters, stockyard.database.writer
    meters.gauge("stockyard_disk_free_bytes", "Room for data.", lambda: stockyard.disk.free)
    meters.gauge(
        "stockyard_writer_state",
        "The database's writer: 0 ok, 1 opening again, 2 down.",
        lambda: WRITER_STATES.index(writer.state),
    )
    meters.gauges(
        "stockyard_breaker_state",
        "The best target of a provider: 0 closed, 1 half open, 2 cooling, 3 open.",
        ("provider",),
        lambda: breakers(stockyard),
    )
    meters.counter(
        "stockyard_module_trips",
        "How often a module was bypassed or refused because it kept failing.",
        ("module",),
        lambda: by_one(stockyard.standings.trips()),
    )


def by_one(counts: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(value,): count for value, count in counts.items()}


def tasks(loop: asyncio.AbstractEventLoop) -> int:
    return len(asyncio.all_tasks(loop))


def open_files() -> int:
    """0 where the system does not tell."""
    try:
        return len(os.listdir(DESCRIPTORS))
    except OSError:
        return 0


def dropped_traces(stockyard: Stockyard) -> dict[tuple[str, ...], float]:
    recorder = stockyard.recorder
    counts = recorder.queue.counts()
    return {
        ("full",): counts.dropped - counts.lost,
        ("failed",): counts.lost,
        ("unwritable",): recorder.unwritable,
    }


def breakers(stockyard: Stockyard) -> dict[tuple[str, ...], float]:
    states = stockyard.reach.target_health.by_provider()
    return {(name,): BREAKER_STATES.index(state) for name, state in states.items()}
