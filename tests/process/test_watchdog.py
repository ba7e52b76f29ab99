"""What holds the event loop is told, and a module that does so is left out from then on."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Fails, Module, ModuleConfig, Stage, Streaming
from stockyard.process.runqueue import RunQueue
from stockyard.process.watchdog import Watchdog, module_in, outwards
from stockyard.testing.yard import Yard, becomes

HOLDS = 0.6
"""Seconds that something holds the loop in these tests; half of it is too long."""
HELD: list[str] = []
"""How it was held so far; to be cleared before a test."""


def sleeps() -> None:
    time.sleep(HOLDS)


def computes() -> None:
    until = time.thread_time() + HOLDS
    while time.thread_time() < until:
        sum(range(100))


def computes_without_letting_go() -> None:
    """One call of the interpreter's own that lets no other thread run."""
    until = time.thread_time() + HOLDS
    while time.thread_time() < until:
        (1 << 400_000) ** 3


class Holding(Module[ModuleConfig]):
    """Holds the loop for the prompts that say how."""

    name = "holding"
    category = "custom"
    stage = Stage.INSPECT
    ways: dict[str, Callable[[], None]] = {  # noqa: RUF012  a table, not a state
        "sleep": sleeps,
        "compute": computes,
        "grab": computes_without_letting_go,
    }

    def hold(self, x: Exchange) -> None:
        for text in x.received.texts():
            if text in self.ways:
                HELD.append(text)
                self.ways[text]()


class OnTheWayIn(Holding):
    def on_request(self, x: Exchange) -> None:
        self.hold(x)


class OfAWholeAnswer(Holding):
    streaming = Streaming.WHOLE
    fails = Fails.CLOSED

    def on_response(self, x: Exchange) -> None:
        self.hold(x)


class OfEvents(Holding):
    streaming = Streaming.CHUNKS
    held = False

    def on_chunk(self, x: Exchange, event: Any) -> Any:
        if not self.held:
            self.held = True
            self.hold(x)
        return event


class WhileItWaits(Holding):
    async def on_request(self, x: Exchange) -> None:
        await asyncio.sleep(0)
        self.hold(x)


class AroundTheCall(Holding):
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Any) -> Any:
        answer = await call(x)
        self.hold(x)
        return answer


@pytest.fixture(autouse=True)
def _nothing_held() -> None:
    HELD.clear()


async def impatient(yard: Yard) -> None:
    await yard.open()
    dog = yard.stockyard.watchdog
    dog._held_seconds, dog._trip_seconds = 0.1, HOLDS / 2


@pytest.mark.parametrize(
    ("module", "way", "after"),
    [
        (OnTheWayIn, "sleep", 200),
        (OnTheWayIn, "compute", 200),
        (OnTheWayIn, "grab", 200),
        (OfAWholeAnswer, "compute", 503),
        (OfEvents, "compute", 200),
        (WhileItWaits, "compute", 200),
        (AroundTheCall, "sleep", 200),
    ],
)
async def test_a_module_holds_the_loop_once_and_is_then_left_out(
    yard: Yard, module: type[Holding], way: str, after: int, caplog: pytest.LogCaptureFixture
) -> None:
    yard.provider("openai").says("hello")
    yard.add(module)
    await impatient(yard)
    standing = yard.stockyard.standings.of("holding")

    assert (await yard.stream(way)).status == 200
    assert await becomes(lambda: standing.tripped)
    assert (await yard.stream(way)).status == after

    assert [way] == HELD
    assert standing.trips == 1
    assert "has been held for" in caplog.text
    assert "test_watchdog.py" in caplog.text
    assert way not in caplog.text.replace("test_watchdog.py", "").replace(f"{way}s", "")


async def test_a_quick_module_keeps_its_place(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.add(OnTheWayIn)
    await impatient(yard)

    for _ in range(20):
        assert (await yard.chat("quickly")).status == 200

    assert not yard.stockyard.standings.of("holding").tripped


async def test_nobody_is_blamed_for_what_is_no_module(caplog: pytest.LogCaptureFixture) -> None:
    blamed: list[str] = []
    dog = Watchdog(blamed.append, held_seconds=0.1, trip_seconds=0.2)
    dog.start()
    await asyncio.sleep(0)
    time.sleep(0.6)  # noqa: ASYNC251  this is what is watched for
    await asyncio.sleep(0.05)
    dog.stop()

    assert blamed == []
    assert caplog.text.count("has been held for") == 1


async def test_it_leaves_no_thread(yard: Yard) -> None:
    await yard.open()
    assert "stockyard-watchdog" in {thread.name for thread in threading.enumerate()}
    await yard.close()
    assert "stockyard-watchdog" not in {thread.name for thread in threading.enumerate()}


def test_what_waits_for_a_processor_is_known_where_the_system_tells() -> None:
    queue = RunQueue(threading.get_native_id())
    waited = queue.waited()
    until = time.monotonic() + 0.05
    while time.monotonic() < until:
        sum(range(100))
    assert 0 <= waited <= queue.waited() < 3600 * 24
    queue.close()
    assert queue.waited() == 0.0
    assert RunQueue(0).waited() == 0.0


def frames_below(owner: object, inner: str) -> Iterator[FrameType]:
    """The frames of a hook of `owner` that calls a function of the module named `inner`."""
    found: list[FrameType] = []
    scope: dict[str, Any] = {"__name__": inner, "found": found, "outwards": outwards, "sys": sys}
    exec("def work(): found.extend(outwards(sys._getframe()))", scope)  # noqa: S102  our own words

    def hook(self: object) -> None:
        scope["work"]()

    hook(owner)
    return iter(found)


@pytest.mark.parametrize(
    ("inner", "name"),
    [
        ("acme_modules.words", "holding"),
        ("stockyard.core.scan.search", "holding"),
        ("stockyard.upstream.dispatch", None),
        ("stockyard.wire.openai_chat.reader", None),
    ],
)
def test_who_does_it_is_found_on_the_stack(inner: str, name: str | None, some: Any) -> None:
    assert module_in(frames_below(some, inner)) == name


@pytest.fixture
def some() -> Holding:
    return Holding(ModuleConfig(), None)  # type: ignore[arg-type]  # it needs no Ports


STOPPED = """
import asyncio, os, signal, sys, time
from stockyard.process.runqueue import RunQueue
from stockyard.process.watchdog import Watchdog
blamed = []
async def main():
    dog = Watchdog(blamed.append, held_seconds=0.1, trip_seconds=0.2)
    dog.start()
    print("up", flush=True)
    await asyncio.sleep(1.5)
    dog.stop()
import logging
logging.basicConfig(stream=sys.stdout)
asyncio.run(main())
print("blamed", blamed)
"""


def test_a_process_that_was_stopped_is_not_late() -> None:
    with subprocess.Popen(  # noqa: S603  a program of ours
        [sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.7)
        os.kill(process.pid, signal.SIGCONT)
        said = process.stdout.read()
    assert said == "blamed []\n"
