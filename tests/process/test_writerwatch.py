"""A process whose database stays down ends by itself, and no other does."""

from typing import Any

import pytest

from stockyard.errors import CannotStart
from stockyard.process.writerwatch import WriterWatch
from stockyard.testing.yard import Yard


async def watch_of(yard: Yard, stopped: list[None], exit_after: float) -> WriterWatch:
    await yard.open()
    gateway = yard.stockyard
    return WriterWatch(
        gateway.database.writer,
        gateway.disk,
        exit_after=exit_after,
        stop=lambda: stopped.append(None),
    )


async def test_a_database_that_stays_down_stops_the_process(yard: Yard) -> None:
    stopped: list[None] = []
    watch = await watch_of(yard, stopped, exit_after=0.001)
    watch.raise_if_given_up()
    yard.stockyard.database.writer.down_since = 0.0
    await watch.run()
    assert stopped == [None]
    with pytest.raises(CannotStart, match=r"db\.exit_after") as raised:
        watch.raise_if_given_up()
    assert raised.value.exit_code == 74


async def test_zero_never_stops_it(yard: Yard) -> None:
    stopped: list[None] = []
    watch = await watch_of(yard, stopped, exit_after=0)
    yard.stockyard.database.writer.down_since = 0.0
    await watch.run()
    assert stopped == []


@pytest.mark.parametrize(
    ("down_since", "disk"), [(None, "ok"), (0.0, "floor")], ids=["written", "disk full"]
)
async def test_the_time_begins_anew_when(yard: Yard, down_since: float | None, disk: Any) -> None:
    stopped: list[None] = []
    watch = await watch_of(yard, stopped, exit_after=300)
    writer, watched = yard.stockyard.database.writer, yard.stockyard.disk
    writer.down_since = 0.0
    watch._look(1000)
    writer.down_since, watched.state = down_since, disk
    watch._look(1400)
    writer.down_since, watched.state = 0.0, "ok"
    watch._look(1401)
    watch._look(1700)
    assert stopped == []
    watch._look(1701)
    assert stopped == [None]
