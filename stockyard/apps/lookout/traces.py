"""Keeps one row per call, written after the call has ended.

On the event loop a finished Exchange becomes the bytes of its row, half a kilobyte: waiting
Exchanges would take ten times the memory and could keep prompts and answers alive. This happens one
turn after the call ended, so that its answer leaves first. The writer thread joins the rows.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from stockyard.apps.lookout import store
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.signals import ExchangeFinished
from stockyard.core.target import Attempt
from stockyard.core.totals import gateway_us
from stockyard.errors import Abandoned, Refused, UpstreamError
from stockyard.storage.database import Bulk, Database
from stockyard.storage.rowqueue import UNENCODABLE

log = logging.getLogger("stockyard.lookout")

Row = tuple[Any, ...]

MAX_STEPS = 400
MAX_FINDINGS = 200
MAX_ATTEMPTS = 50
MAX_ENDED = 32
"""So many ended calls wait at most to be made into rows; each may hold a prompt."""
MAX_TEXT = 500
"""Characters of a model's name or a path that are kept."""


class TraceRecorder:
    """Listens to finished calls and queues a row for each."""

    def __init__(
        self,
        database: Database,
        bodies: Callable[[Exchange], None] = lambda x: None,
    ) -> None:
        self.queue: Bulk = database.bulk("traces", store.INSERT, encode)
        self._bodies = bodies
        self._ended: list[Exchange] = []
        self.unwritable = 0
        """Calls whose findings hold something that is no text; their rows are lost."""

    def record(self, signal: ExchangeFinished) -> None:
        ended = self._ended
        ended.append(signal.exchange)
        if len(ended) == 1:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self.flush)
        elif len(ended) == MAX_ENDED:
            self.flush()

    def flush(self) -> None:
        """Queue the rows of the calls that have ended."""
        ended, self._ended = self._ended, []
        for x in ended:
            try:
                row = ENCODER.encode(row_of(x))
            except UNENCODABLE as error:
                self.unwritable += 1
                log.error("A trace cannot be written: %s", type(error).__name__)
            else:
                self.queue.put(row, len(row))
                if x.body_bytes:
                    self._bodies(x)


NO_ERROR = (None, None, None)
BYTES_IN = attrgetter("bytes_in")


def status_of(x: Exchange) -> str:
    """The status of a call that failed."""
    if x.abandoned or isinstance(x.error, Abandoned):
        return "abandoned"
    if x.first_content_ns is not None and x.streamed:
        return "partial"
    return "refused" if isinstance(x.error, Refused) else "error"


def error_of(error: Exception, refused_by: str) -> tuple[str | None, str | None, str | None]:
    """Kind, code and module of what went wrong. The error itself would keep the call alive."""
    if isinstance(error, Refused):
        return "refused", error.code, error.module or refused_by or None
    if isinstance(error, UpstreamError):
        return error.kind, error.code, refused_by or None
    if isinstance(error, Abandoned):
        return "abandoned", None, None
    return "internal", None, refused_by or None


def encode(batch: Sequence[bytes]) -> bytes:
    """The rows of a batch in the order of `store.INSERT`. Runs in the writer thread."""
    return b"[%b]" % b",".join(batch)


ENCODER = msgspec.json.Encoder(enc_hook=str)
"""A module's finding may hold anything; what JSON does not know is written as its text."""


def row_of(x: Exchange) -> Row:
    """The row of a call: the searched columns, then the rest as an array in the order of
    `Trace`."""
    usage, target, caller, inbound = x.usage, x.target, x.caller, x.inbound
    attempts = x.attempts[:MAX_ATTEMPTS]
    model, provider = (target.model[:MAX_TEXT], target.provider) if target else ("", "")
    content_ns = x.first_content_ns
    total_us = x.elapsed_us()
    kept = (
        x.request_id,
        caller.key_name,
        inbound.format,
        inbound.path[:MAX_TEXT],
        inbound.native,
        x.alias[:MAX_TEXT],
        x.status,
        *(NO_ERROR if x.error is None else error_of(x.error, x.refused_by)),
        x.streamed,
        *(NO_USAGE if usage is None else usage_of(usage)),
        None,  # No price is known yet, and unknown is not zero.
        x.cache_state,
        None if content_ns is None else content_ns // 1000,
        total_us,
        gateway_us(x, total_us),
        len(inbound.body),
        sum(map(BYTES_IN, attempts)),
        list(map(attempt_row, attempts)),
        x.findings[:MAX_FINDINGS],
        x.strip[:MAX_STEPS],
        x.tags,
        x.config_version,
        caller.app[:MAX_TEXT],
    )
    return (
        x.trace_id,
        x.started_at_ms,
        caller.key_id,
        caller.team_id,
        x.kind,
        x.received.model[:MAX_TEXT],
        model,
        provider,
        "ok" if x.error is None and not x.abandoned else status_of(x),
        kept,
    )


NO_USAGE = (None, None, None, None, None)


def usage_of(usage: Usage) -> tuple[int, int, int, int, str]:
    return usage.prompt, usage.completion, usage.in_cached, usage.out_reasoning, usage.source


def attempt_row(attempt: Attempt) -> tuple[Any, ...]:
    """In the order of `AttemptRow`."""
    target = attempt.target
    row = (
        target.provider,
        target.model[:MAX_TEXT],
        target.credential.id if target.credential else None,
        attempt.format,
        attempt.started_us,
        attempt.first_byte_us,
        attempt.first_content_us,
        attempt.ended_us,
        attempt.status,
        attempt.outcome,
        attempt.error,
        attempt.timer,
        attempt.bytes_in,
        attempt.bytes_out,
        attempt.reused,
        attempt.upstream_id,
    )
    lost = attempt.lost
    return row if lost is None else (*row, lost.prompt, lost.completion)
