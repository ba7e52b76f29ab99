"""A hook that does not return is broken off, and nothing but a hook."""

import asyncio
import functools
import gc
import logging
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

import pytest

from stockyard.core.exchange import Exchange
from stockyard.core.module import Fails, Module, ModuleConfig, Stage, Streaming
from stockyard.core.ports import Charge
from stockyard.core.standing import Standing
from stockyard.core.stop import Stop
from stockyard.process.interruption import COUNTED, SENT, SHARED, Interruption, hook_in
from stockyard.storage.limits import LocalLimits
from stockyard.testing.yard import Yard, becomes

FOR_EVER = 8.0
"""Seconds after which a hook returns after all, so that a test fails and does not hang."""
SWITCH_SECONDS = sys.getswitchinterval()
BEGUN: list[str] = []
RETURNED: list[str] = []


def loops() -> None:
    until = time.monotonic() + FOR_EVER
    while time.monotonic() < until:
        pass


def tries_again() -> None:
    until = time.monotonic() + FOR_EVER
    while time.monotonic() < until:
        try:
            raise ConnectionError
        except Exception:  # noqa: S112  what such a module does
            continue


def sleeps() -> None:
    time.sleep(FOR_EVER)


def waits_for_a_thread() -> None:
    threading.Event().wait(FOR_EVER)


def backtracks() -> None:
    re.match(r"(a|aa)+$", "a" * 45 + "b")


def reads_from_one_who_says_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(FOR_EVER)
        ours.makefile("rb").readline()


WAYS: dict[str, Callable[[], None]] = {
    hold.__name__: hold
    for hold in (
        loops,
        tries_again,
        sleeps,
        waits_for_a_thread,
        backtracks,
        reads_from_one_who_says_nothing,
    )
}


class Hanging(Module[ModuleConfig]):
    """Does not return for the prompts that say how."""

    name = "hanging"
    stage = Stage.INSPECT
    patience_seconds = 0.2

    def hang(self, x: Exchange) -> None:
        for text in x.received.texts():
            if text in WAYS:
                BEGUN.append(text)
                WAYS[text]()
                RETURNED.append(text)


class OnTheWayIn(Hanging):
    def on_request(self, x: Exchange) -> None:
        self.hang(x)


class Guarding(OnTheWayIn):
    fails = Fails.CLOSED


def wrapped(hook: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(hook)
    def outer(*arguments: Any) -> Any:
        return hook(*arguments)

    return outer


class Wrapped(Hanging):
    @wrapped
    def on_request(self, x: Exchange) -> None:
        self.hang(x)


class OnTheWayOut(Hanging):
    def on_response(self, x: Exchange) -> None:
        self.hang(x)


class OfEvents(Hanging):
    streaming = Streaming.CHUNKS

    def on_chunk(self, x: Exchange, event: Any) -> Any:
        self.hang(x)
        return event


class OfTheHead(Hanging):
    def on_head(self, x: Exchange) -> None:
        self.hang(x)


class Async(Hanging):
    async def on_request(self, x: Exchange) -> None:
        await asyncio.sleep(0)
        self.hang(x)


class AsyncGuarding(Async):
    fails = Fails.CLOSED


class BeforeTheCall(Hanging):
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Any) -> Any:
        self.hang(x)
        return await call(x)


class AfterTheCall(Hanging):
    stage = Stage.CALL

    async def around(self, x: Exchange, call: Any) -> Any:
        answer = await call(x)
        self.hang(x)
        return answer


@pytest.fixture(autouse=True)
def _nothing_yet() -> None:
    BEGUN.clear()
    RETURNED.clear()


@pytest.mark.parametrize(
    ("module", "way", "status", "after"),
    [
        *((OnTheWayIn, way, 200, 200) for way in WAYS),
        (Guarding, "loops", 503, 503),
        (Wrapped, "loops", 200, 200),
        pytest.param(OnTheWayOut, "sleeps", 200, 200, marks=pytest.mark.slow),
        (OfEvents, "loops", 200, 200),
        pytest.param(OfTheHead, "loops", 200, 200, marks=pytest.mark.slow),
        pytest.param(Async, "loops", 200, 200, marks=pytest.mark.slow),
        (AsyncGuarding, "sleeps", 503, 503),
        pytest.param(BeforeTheCall, "loops", 200, 200, marks=pytest.mark.slow),
        (AfterTheCall, "sleeps", 200, 200),
    ],
)
async def test_a_hook_that_does_not_return_is_broken_off_and_its_module_left_out(
    yard: Yard, module: type[Hanging], way: str, status: int, after: int, caplog: Any
) -> None:
    yard.provider("openai").says("hello")
    yard.add(module)
    await yard.open()
    dog = yard.stockyard.watchdog
    dog._held_seconds, dog._trip_seconds = 0.1, 0.2
    standing = yard.stockyard.standings.of("hanging")

    heard = await yard.chat(way)

    assert heard.status == status
    assert [way] == BEGUN
    assert RETURNED == []
    assert standing.tripped
    assert standing.trips == 1
    if status == 200:
        assert heard.text == "hello"
    else:
        assert (heard.error or {}).get("code") == "module_failed"
    assert (await yard.chat(way)).status == after
    assert [way] == BEGUN  # left out, or not let through to
    assert caplog.text.count("The module 'hanging' held the event loop") == 1
    assert "module hanging failed: HookInterrupted" in caplog.text


async def test_a_hook_within_its_patience_returns(yard: Yard) -> None:
    yard.provider("openai").says("hello")
    yard.add(type("Patient", (OnTheWayIn,), {"patience_seconds": 30.0}))
    await yard.open()
    dog = yard.stockyard.watchdog
    dog._held_seconds, dog._trip_seconds = 0.1, 0.2
    WAYS["for a moment"] = functools.partial(time.sleep, 0.7)
    try:
        assert (await yard.chat("for a moment")).status == 200
    finally:
        del WAYS["for a moment"]
    assert RETURNED == ["for a moment"]
    assert await becomes(lambda: yard.stockyard.standings.of("hanging").tripped)


class Busy(Module[ModuleConfig]):
    """A hook that does a little itself and has much done by the gateway and by what all share."""

    name = "busy"
    stage = Stage.INSPECT
    limits = LocalLimits()
    charge = Charge("key:a", "row", calls=0, tokens=1000, concurrent=1, per_seconds=60, burst=0)

    def on_request(self, x: Exchange) -> None:
        for _ in range(500):
            self.limits.take([self.charge], tokens=1, lease="a")
            self.limits.settle([self.charge], reserved=1, used=1, lease="a")
            list(x.request.texts())
            logging.getLogger("busy").debug("said")
            sum(range(50))


@pytest.fixture
def _no_guests() -> Iterator[None]:
    """What a library for tests has the garbage collector call is no hook's code."""
    guests = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = guests


@pytest.mark.usefixtures("_no_guests")
async def test_only_the_code_of_a_hook_is_ever_broken_off(
    yard: Yard, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever moment the signal comes at: it is raised in the hook's own code, or not at all."""
    caplog.set_level(logging.ERROR)
    yard.provider("openai").says("hello")
    yard.add(Busy)
    await yard.open()
    yard.stockyard.watchdog._interruption.close()
    standing = yard.stockyard.standings.of("busy")
    module = yard.stockyard.line.module("busy")
    assert module is not None
    interruption = Interruption(lambda _frame, _module: True, lambda: None)
    interruption.listen()
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.0005):
            interruption.ask(module)

    asking = threading.Thread(target=ask)
    asking.start()
    sys.setswitchinterval(0.0001)
    try:
        for _ in range(100):
            standing.tripped = False
            interruption.set_timer(0.001)
            assert (await yard.chat("hi")).text == "hello"
    finally:
        over.set()
        asking.join()
        sys.setswitchinterval(SWITCH_SECONDS)
        interruption.close()

    broken = [record for record in caplog.records if record.exc_info]
    assert len(broken) > 10
    for record in broken:
        assert record.exc_info is not None
        names = [frame.f_globals["__name__"] for frame in frames_of(record.exc_info[2])]
        assert names[0] == "stockyard.core.stop"
        own = [name for name in names[1:] if name != "stockyard.process.interruption"]
        assert own
        assert not [name for name in own if f"{name}.".startswith(SHARED)]


def frames_of(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def called_by(*names: str) -> Callable[..., Any]:
    """What calls its argument, through functions of modules of these names."""

    def call(function: Callable[[], Any]) -> Any:
        for name in reversed(names):
            scope: dict[str, Any] = {"__name__": name, "function": function}
            exec("def through():\n    return function()", scope)  # noqa: S102  our own words
            function = scope["through"]
        return function()

    return call


@pytest.mark.parametrize(
    ("through", "may"),
    [
        ((), True),
        (("acme_words",), True),
        (("stockyard.custom.words",), True),
        (("json.decoder", "acme_words"), True),
        (("threading",), True),
        (("stockyard.core.window",), False),
        (("stockyard.storage.limits", "acme_words"), False),
        (("acme_words", "logging", "acme_handler"), False),
        (("importlib._bootstrap", "acme_slow_import"), False),
        (("asyncio.base_events",), False),
    ],
)
def test_what_the_gateway_does_for_a_hook_and_what_all_share_is_not_cut_in_two(
    through: tuple[str, ...], may: bool
) -> None:
    found: list[object] = []

    class Asking(Module[ModuleConfig]):
        name = "asking"
        stage = Stage.INSPECT

        def on_request(self, x: Any) -> None:
            called_by(*through)(lambda: found.append(hook_in(sys._getframe())))

    module = Asking(ModuleConfig(), None)  # type: ignore[arg-type]  # it needs no Ports
    stop = Stop(module, Standing())
    stop.run(None, module.on_request)  # type: ignore[arg-type]  # nor an Exchange

    assert found == [module if may else None]


def test_nothing_is_broken_off_where_no_hook_runs() -> None:
    assert hook_in(sys._getframe()) is None
    assert hook_in(None) is None


@pytest.mark.parametrize("taken", [SENT, COUNTED])
def test_a_signal_that_somebody_else_uses_is_left_to_them(taken: signal.Signals) -> None:
    heard: list[int] = []
    signal.signal(taken, lambda number, _frame: heard.append(number))
    before = [signal.getsignal(number) for number in (SENT, COUNTED) if number]
    try:
        interruption = Interruption(lambda _frame, _module: True, lambda: None)
        interruption.listen()
        interruption.set_timer(0.001)
        interruption.ask(OnTheWayIn(ModuleConfig(), None))  # type: ignore[arg-type]  # no Ports
        assert [signal.getsignal(number) for number in (SENT, COUNTED) if number] == before
        assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
        interruption.close()
        assert heard == []
    finally:
        signal.signal(taken, signal.SIG_DFL)


async def test_the_signals_are_given_back(yard: Yard) -> None:
    assert SENT is not None
    assert COUNTED is not None
    await yard.open()
    assert signal.getsignal(SENT) is not signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0
    await yard.close()
    assert signal.getsignal(SENT) is signal.getsignal(COUNTED) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
