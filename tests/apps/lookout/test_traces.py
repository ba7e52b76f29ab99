"""The trace row of every way in which a call can end, and what is not kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stockyard.app import Stockyard
from stockyard.apps import lookout
from stockyard.apps.lookout import store
from stockyard.apps.lookout.models import Trace
from stockyard.apps.lookout.retention import retention
from stockyard.apps.lookout.traces import TraceRecorder
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.signals import ExchangeFinished
from stockyard.core.target import Attempt, Credential, Secret, Target
from stockyard.errors import Abandoned, Refused, UpstreamError
from stockyard.settings import load
from stockyard.storage.migrate import steps_in
from stockyard.storage.rowqueue import RowQueue
from stockyard.storage.sqlite import SqliteDatabase
from tests.builders import an_exchange

TARGET = Target("openai", "m", Credential("cred_1", "openai", Secret("sk-very-secret")))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase.open(
        tmp_path / "stockyard.db", steps_in("lookout", lookout.APP.migrations)
    )
    yield database
    database.close()


def kept(
    database: SqliteDatabase, *exchanges: Exchange, by: TraceRecorder | None = None
) -> list[Trace]:
    """The rows of these calls, as they are after closing and opening the database."""
    recorder = by or TraceRecorder(database)
    for x in exchanges:
        recorder.record(ExchangeFinished(x))
    recorder.flush()
    database.close()
    again = SqliteDatabase.open(database.path, steps_in("lookout", lookout.APP.migrations))
    try:
        return store.newest(again, 100)
    finally:
        again.close()


def refused(x: Exchange) -> None:
    x.error = Refused(429, "rate_limited", "Too many.")
    x.error.module = "ratelimit"
    x.status = 429


def failed(x: Exchange) -> None:
    x.error = UpstreamError("overloaded", "busy", status=529, code="overloaded_error")
    x.status = 502


def cut(x: Exchange) -> None:
    x.error = UpstreamError("interrupted", "broke off")
    x.streamed, x.first_content_ns, x.status = True, 5_000, 200


def abandoned(x: Exchange) -> None:
    x.error, x.abandoned, x.status = Abandoned(), True, 499


def broken(x: Exchange) -> None:
    x.error, x.refused_by, x.status = KeyError("x"), "fence", 500


@pytest.mark.parametrize(
    ("end", "status", "kind", "code", "module"),
    [
        (lambda x: None, "ok", None, None, None),
        (refused, "refused", "refused", "rate_limited", "ratelimit"),
        (failed, "error", "overloaded", "overloaded_error", None),
        (cut, "partial", "interrupted", None, None),
        (abandoned, "abandoned", "abandoned", None, None),
        (broken, "error", "internal", None, "fence"),
    ],
)
async def test_every_end_of_a_call_has_its_status(
    database: SqliteDatabase,
    end: Callable[[Exchange], None],
    status: str,
    kind: str | None,
    code: str | None,
    module: str | None,
) -> None:
    x = an_exchange()
    x.config_version = 4
    end(x)
    [trace] = kept(database, x)
    assert (trace.status, trace.error_kind, trace.error_code) == (status, kind, code)
    assert trace.error_module == module
    assert (trace.http_status, trace.config_version) == (x.status, 4)
    assert trace.cost_micros is None
    assert trace.tokens_in is None


async def test_what_a_failed_attempt_used_stands_with_it(database: SqliteDatabase) -> None:
    x = an_exchange()
    lost = Usage(in_fresh=7, out_text=5)
    x.attempts += [Attempt(TARGET, 10, ended_us=30, lost=lost), Attempt(TARGET, 40, ended_us=50)]
    failed, answered = kept(database, x)[0].attempts
    assert (failed.tokens_in, failed.tokens_out) == (7, 5)
    assert (answered.tokens_in, answered.tokens_out) == (None, None)


async def test_attempts_name_the_credential_and_hide_its_secret(database: SqliteDatabase) -> None:
    x = an_exchange()
    x.attempts.append(Attempt(TARGET, 10, ended_us=30, status=200, outcome="ok", bytes_in=99))
    [trace] = kept(database, x)
    assert (trace.attempts[0].credential, trace.attempts[0].http_status) == ("cred_1", 200)
    assert trace.answer_bytes == 99
    assert b"sk-very-secret" not in database.path.read_bytes()


async def test_no_prompt_is_kept(database: SqliteDatabase) -> None:
    kept(database, an_exchange("a very private question"))
    assert b"private" not in database.path.read_bytes()


async def test_a_finding_that_is_not_json_is_kept_as_text(database: SqliteDatabase) -> None:
    x = an_exchange()
    x.note("odd", "noticed", {"what": Secret("s3"), "set": {1}, "nan": float("nan")})
    [trace] = kept(database, x)
    assert trace.findings[0].detail == {"what": "***", "set": [1], "nan": None}


async def test_a_row_that_cannot_be_written_takes_no_other_with_it(
    database: SqliteDatabase,
) -> None:
    bad = an_exchange(id="req_bad")
    bad.note("odd", "noticed", {"half": "\ud800"})
    recorder = TraceRecorder(database)
    traces = kept(database, an_exchange(id="req_a"), bad, an_exchange(id="req_b"), by=recorder)
    assert [trace.request_id for trace in traces] == ["req_b", "req_a"]
    assert recorder.unwritable == 1


async def test_a_waiting_row_keeps_neither_the_call_nor_its_error_alive() -> None:
    queue = RowQueue("traces", "", lambda rows: b"[]", max_rows=9, max_bytes=10**6)
    x = an_exchange("a long prompt")
    failed(x)
    x.attempts.append(Attempt(TARGET, 10))
    recorder = TraceRecorder(OneQueue(queue))  # type: ignore[arg-type]  # narrower than its type says
    recorder.record(ExchangeFinished(x))
    assert not queue._rows, "the answer leaves first"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    [(waiting, size)] = queue._rows
    assert isinstance(waiting, bytes)
    assert size == len(waiting)
    assert b"a long prompt" not in waiting


async def test_a_call_that_ends_just_before_the_process_does_has_its_row(tmp_path: Path) -> None:
    settings = load({"server.data_dir": str(tmp_path / "data")}, {}, tmp_path)
    stockyard = await Stockyard.open(settings, {})
    x = an_exchange(id="req_last")
    x.capture = "metadata"
    stockyard.signals.announce(ExchangeFinished(x))
    await stockyard.close()
    stockyard = await Stockyard.open(settings, {})
    try:
        assert [trace.request_id for trace in store.newest(stockyard.database, 9)] == ["req_last"]
    finally:
        await stockyard.close()


class OneQueue:
    """A database that is nothing but one queue that nobody empties."""

    def __init__(self, queue: RowQueue) -> None:
        self._queue = queue

    def bulk(self, *given: object) -> RowQueue:
        return self._queue


async def test_old_traces_are_deleted_and_young_ones_stay(database: SqliteDatabase) -> None:
    recorder = TraceRecorder(database)
    for number in range(1200):
        x = an_exchange(id=f"req_{number}")
        x.started_at_ms = 1_000_000 if number < 1100 else 2_000_000
        recorder.record(ExchangeFinished(x))
    recorder.flush()
    await database.write(lambda transaction: None)
    database.close()
    again = SqliteDatabase.open(database.path, steps_in("lookout", lookout.APP.migrations))
    try:
        await retention(again, lambda: 500, lambda: 500, now=lambda: 1_600).run()
        assert len(store.newest(again, 2000)) == 100
    finally:
        again.close()
