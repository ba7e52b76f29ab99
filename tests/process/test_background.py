"""Work that nobody waits for."""

import asyncio

import pytest

from stockyard.process import background
from stockyard.process.background import Background


async def settled(work: Background) -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    assert not len(work)


async def test_it_is_done_beside_everything_else() -> None:
    done: list[int] = []

    async def note(number: int) -> None:
        done.append(number)

    work = Background()
    work(note(1))
    work(note(2))
    assert (len(work), done) == (2, [])
    await settled(work)
    assert done == [1, 2]


async def test_what_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("odd")

    work = Background()
    work(fail())
    await settled(work)
    assert "background work failed" in caplog.text
    assert "odd" in caplog.text


async def test_one_too_many_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MOST", 1)
    begun: list[int] = []

    async def begin(number: int) -> None:
        begun.append(number)

    work = Background()
    work(begin(1))
    work(begin(2))
    await settled(work)
    assert begun == [1]


async def test_nothing_of_it_outlives_the_process() -> None:
    work = Background()
    work(asyncio.Event().wait())  # type: ignore[arg-type]  # it gives something, and never does
    await asyncio.sleep(0)
    work.cancel()
    await settled(work)
