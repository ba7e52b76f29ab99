"""Keeps one row per call, written after the call and off its path.

On the loop a finished Exchange is only taken apart into references that nobody changes any more;
the writer thread makes the row of them. What keeps a prompt or an answer alive is not among them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from stockyard.apps.lookout import store
from stockyard.core.exchange import Caller, Exchange, Finding, Step
from stockyard.core.money import Usage
from stockyard.core.signals import ExchangeFinished
from stockyard.core.target import Attempt, Target
from stockyard.errors import Abandoned, Refused, UpstreamError
from stockyard.storage.database import Bulk, Database

MAX_STEPS = 400
MAX_FINDINGS = 200
MAX_ATTEMPTS = 50
MAX_TEXT = 500
"""Characters of a model's name or a path that are kept."""
ROW_BYTES = 1200
PART_BYTES = 160
"""What a row holds in memory while it waits, and each step, finding and attempt of it, roughly."""


class Ended(NamedTuple):
    """A finished call, taken apart on the loop."""

    id: str
    request_id: str
    received_at: int
    caller: Caller
    kind: str
    format: str
    path: str
    native: str | None
    model_asked: str
    alias: str
    target: Target | None
    status: str
    http_status: int
    error: tuple[str | None, str | None, str | None]
    stream: bool
    usage: Usage | None
    cache: str
    first_content_ns: int | None
    total_us: int
    request_bytes: int
    attempts: list[Attempt]
    findings: list[Finding]
    strip: list[Step]
    tags: dict[str, str]
    config_version: int


class TraceRecorder:
    """Listens to finished calls and queues a row for each."""

    def __init__(self, database: Database, config_version: Callable[[], int] = lambda: 0) -> None:
        self.queue: Bulk = database.bulk("traces", store.INSERT, encode)
        self._config_version = config_version

    def record(self, signal: ExchangeFinished) -> None:
        x = signal.exchange
        inbound = x.inbound
        attempts, findings, strip = x.attempts, x.findings, x.strip
        ended = Ended(
            x.trace_id,
            x.id,
            x.started_at_ms,
            x.caller,
            x.kind,
            inbound.format,
            inbound.path,
            inbound.native,
            x.received.model,
            x.alias,
            x.target,
            "ok" if x.error is None and not x.abandoned else status_of(x),
            x.status,
            NO_ERROR if x.error is None else error_of(x.error, x.refused_by),
            x.streamed,
            x.usage,
            x.cache_state,
            x.first_content_ns,
            x.elapsed_us(),
            len(inbound.body),
            attempts,
            findings,
            strip,
            x.tags,
            self._config_version(),
        )
        parts = len(attempts) + len(findings) + len(strip)
        self.queue.put(ended, ROW_BYTES + PART_BYTES * parts)


NO_ERROR = (None, None, None)


def status_of(x: Exchange) -> str:
    """How a call ended that did not end well."""
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


def encode(batch: Sequence[Ended]) -> bytes:
    """The rows of a batch in the order of `store.INSERT`. Runs in the writer thread."""
    return ENCODER.encode([row_of(ended) for ended in batch])


ENCODER = msgspec.json.Encoder(enc_hook=str)
"""A module's finding may hold anything; what JSON does not know is written as its text."""


def row_of(ended: Ended) -> tuple[Any, ...]:
    """What is looked for by, and then the rest of the call as an array, in the order of `Trace`."""
    usage, target, caller = ended.usage, ended.target, ended.caller
    first_content_ns = ended.first_content_ns
    attempts = ended.attempts[:MAX_ATTEMPTS]
    model, provider = (target.model[:MAX_TEXT], target.provider) if target else ("", "")
    asked = ended.model_asked[:MAX_TEXT]
    kept = (
        ended.request_id,
        caller.key_name,
        ended.format,
        ended.path[:MAX_TEXT],
        ended.native,
        ended.alias[:MAX_TEXT],
        ended.http_status,
        *ended.error,
        ended.stream,
        usage.prompt if usage else None,
        usage.completion if usage else None,
        usage.in_cached if usage else None,
        usage.out_reasoning if usage else None,
        usage.source if usage else None,
        None,  # No price is known yet, and unknown is not zero.
        ended.cache,
        None if first_content_ns is None else first_content_ns // 1000,
        ended.total_us,
        max(0, ended.total_us - waited_us(attempts, ended.total_us)),
        ended.request_bytes,
        sum(attempt.bytes_in for attempt in attempts),
        [attempt_row(attempt) for attempt in attempts],
        ended.findings[:MAX_FINDINGS],
        ended.strip[:MAX_STEPS],
        ended.tags,
        ended.config_version,
        caller.app[:MAX_TEXT],
    )
    return (
        ended.id,
        ended.received_at,
        caller.key_id,
        caller.team_id,
        ended.kind,
        asked,
        model,
        provider,
        ended.status,
        kept,
    )


def attempt_row(attempt: Attempt) -> tuple[Any, ...]:
    """In the order of `AttemptRow`."""
    target = attempt.target
    return (
        target.provider,
        target.model,
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


def waited_us(attempts: Sequence[Attempt], total_us: int) -> int:
    """Microseconds in which at least one attempt was under way. Attempts may overlap."""
    if len(attempts) == 1:
        ended = attempts[0].ended_us
        return (total_us if ended is None else ended) - attempts[0].started_us
    waited = reached = 0
    for attempt in sorted(attempts, key=lambda attempt: attempt.started_us):
        ended = total_us if attempt.ended_us is None else attempt.ended_us
        if ended > reached:
            waited += ended - max(reached, attempt.started_us)
            reached = ended
    return waited
