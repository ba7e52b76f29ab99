"""The disk fills up while calls run: they go on, what cannot be kept is counted, and it ends."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stockyard.errors import Refused
from stockyard.storage import writer
from stockyard.testing.yard import Yard, becomes


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """What a quota does, or a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def log_of(database: Path) -> int:
    return database.with_name(database.name + "-wal").stat().st_size


async def test_calls_go_on_while_nothing_can_be_written_and_traces_come_back(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_AFTER", 0.05)
    yard.provider("openai").says("hello")
    await yard.chat("before")
    database = yard.stockyard.database
    assert await becomes(lambda: kept(yard) == 1)

    with no_file_grows_beyond(log_of(database.path)):
        for _ in range(5):
            assert (await yard.chat("meanwhile")).status == 200
            await becomes(lambda: dropped(yard) > 0, within=0.2)
        with pytest.raises(Refused, match="cannot be used"):
            await database.write(lambda transaction: transaction.execute("delete from traces"))
        assert database.writer.state == "down"
        await yard.stockyard.readiness.check()
        assert b"D13" in (await yard.get("/readyz")).body

    lost = dropped(yard)
    assert lost > 0
    assert await becomes(lambda: database.writer.state == "ok")
    assert (await yard.chat("after")).status == 200
    assert await becomes(lambda: kept(yard) == 7 - dropped(yard))
    assert dropped(yard) == lost
    await yard.stockyard.readiness.check()
    assert b'"ok"' in (await yard.get("/readyz")).body
    assert database.read("pragma integrity_check") == [("ok",)]


async def test_the_end_does_not_wait_for_a_disk_that_is_full(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    await yard.chat("before")
    assert await becomes(lambda: kept(yard) == 1)

    with no_file_grows_beyond(log_of(yard.stockyard.database.path)):
        await yard.chat("meanwhile")
        await yard.close()

    assert yard.calls[-1].status == 200


def kept(yard: Yard) -> int:
    ((count,),) = yard.stockyard.database.read("select count(*) from traces")
    return int(count)


def dropped(yard: Yard) -> int:
    return yard.stockyard.recorder.queue.counts().dropped
