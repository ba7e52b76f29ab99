"""The CPU cost of each stage of a call that the design has a budget for.

    python -m bench.stages

The whole gateway runs in this process; in place of sockets there are transports that keep nothing,
so the kernel's part is missing here (it is in "CPU per call" of the table), and the head is the one
before, as on every kept connection. A stopwatch stands at every boundary between two stages and
gives each nanosecond to the stage in which it passed; what the stopwatch itself costs is measured
first and taken off. Each stage's quickest pass counts.
"""

import asyncio
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
import uvloop
from uvicorn.server import ServerState

from bench import answers
from bench.answers import Format
from bench.job import Job, Stage
from bench.order import NONCE
from bench.request import request
from stockyard.app import Stockyard
from stockyard.apps.lookout.traces import TraceRecorder
from stockyard.core.outbox import Outbox
from stockyard.gateway.doorway import Doorway
from stockyard.gateway.lane import Lane
from stockyard.gateway.meters import Meters
from stockyard.gateway.reply import LaneReply
from stockyard.gateway.taskless import Taskless
from stockyard.process.serving import settle_memory
from stockyard.settings import load
from stockyard.upstream.client import Client
from stockyard.upstream.connect import Dialer
from stockyard.upstream.connection import READ_BYTES, Connection
from stockyard.upstream.origin import Origin

LANE = "lane: parse, limits, route, Key"
EXCHANGE = "Exchange, pipeline, dispatch"
UPSTREAM = "upstream client: pool, write, parse"
METRICS = "metrics (of: price, journal, metrics)"
TRACE = "trace row, its part on the loop"
WRITER = "trace row, its part in the writer"
ROW = "trace row, both parts"
FORWARDED = "each streamed event, nobody edits it"
REWRITTEN = "each streamed event, to the other format"
ELSEWHERE = ""

BOUNDARIES: tuple[tuple[type, str, str], ...] = (
    (Lane, "data_received", LANE),
    (Doorway, "start", EXCHANGE),
    (Client, "start", UPSTREAM),
    (Connection, "buffer_updated", UPSTREAM),
    (Taskless, "_step", EXCHANGE),
    (Meters, "count", METRICS),
    (TraceRecorder, "record", TRACE),
    (LaneReply, "whole", LANE),
    (Outbox, "flush", LANE),
)
"""Where a call goes over from one stage into another."""

PASSES, CALLS = 8, 600
"""Few enough calls per pass for the writer to begin only after it: it waits 0.2 s for company."""
STREAMS, TOKENS = 40, 100
CALIBRATION = 20_000
PATIENCE = 10.0


class Stopwatch:
    """Gives the time that passes to one stage at a time."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.crossings: Counter[tuple[str, str]] = Counter()
        """How often one stage called into another."""
        self._stage = ELSEWHERE
        self._since = time.perf_counter_ns()
        self._inside = self._outside = 0.0
        """What a crossing adds to the stage that is called, and to the one that calls."""

    def timed(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        @wraps(function)
        def measured(*args: Any, **named: Any) -> Any:
            outer = self._stage
            self.crossings[outer, stage] += 1
            self._switch(stage)
            try:
                return function(*args, **named)
            finally:
                self._switch(outer)

        return measured

    def _switch(self, stage: str) -> None:
        now = time.perf_counter_ns()
        self.spent[self._stage] += now - self._since
        self._stage, self._since = stage, now

    def reset(self) -> None:
        self.spent.clear()
        self.crossings.clear()

    def calibrate(self) -> None:
        """Measure what a crossing costs by itself."""
        crossing = self.timed(_nothing, "called")
        self.timed(lambda: [crossing() for _ in range(CALIBRATION)], "calling")()
        begun = time.perf_counter_ns()
        for _ in range(CALIBRATION):
            _nothing()
        bare = time.perf_counter_ns() - begun
        self._inside = self.spent["called"] / CALIBRATION
        self._outside = (self.spent["calling"] - bare) / CALIBRATION
        self.reset()

    def microseconds(self, calls: int) -> dict[str, float]:
        """Per call and stage, without what the stopwatch itself cost."""
        spent = {stage: float(time) for stage, time in self.spent.items()}
        for (outer, stage), count in self.crossings.items():
            spent[stage] -= count * self._inside
            spent[outer] = spent.get(outer, 0.0) - count * self._outside
        return {stage: max(0.0, ns) / calls / 1000 for stage, ns in spent.items()}


def _nothing() -> None: ...


class Nowhere(asyncio.Transport):
    """A transport that counts what is written and forgets it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50000), "sockname": ("127.0.0.1", 4200)})
        self.writes = 0
        self.last = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes += 1
        self.last = bytes(data)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class Between:
    """The gateway, a client before it and providers behind it, all without sockets."""

    def __init__(self, stockyard: Stockyard) -> None:
        self._stockyard = stockyard
        self._outbox = stockyard.front.outbox
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._opened: list[Connection] = []
        Dialer.dial = self._dial  # type: ignore[method-assign, assignment]  # no sockets in this process
        config = uvicorn.Config(_no_app)
        self._lane = Lane(stockyard.front, config=config, server_state=ServerState(), app_state={})
        self._client = Nowhere()
        self._lane.connection_made(self._client)

    async def _dial(self, origin: Origin, _timers: object) -> Connection:
        connection = Connection(origin.pool, self._buffer, self._outbox)
        connection.connection_made(Nowhere())
        self._opened.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._opened:
            connection.connection_lost(None)
        self._lane.connection_lost(None)

    def request(self, **fields: Any) -> bytes:
        before, after = request(Job(port=4200, key=self._stockyard.first_run.key or "", **fields))
        return before + NONCE + after

    async def provider(self, kind: Format) -> Callable[[bytes], None]:
        """Open the connection to a provider with a first call. Returns what hears it there."""
        opened = len(self._opened)
        self._lane.data_received(self.request(served_by=kind))
        await _until(lambda: len(self._opened) > opened and self._opened[-1].calls > 0)
        connection, buffer = self._opened[-1], self._buffer

        def hear(data: bytes) -> None:
            buffer[: len(data)] = data
            connection.buffer_updated(len(data))
            self._outbox.flush()

        hear(answers.whole(kind, 128).filled(NONCE))
        self.writes()
        return hear

    def ask(self, asked: bytes) -> None:
        """Let a request come in a turn of the loop that brings nothing else."""
        self._lane.data_received(asked)
        self._outbox.flush()

    def writes(self) -> int:
        """How much was written to the client. Raises if it was not an answer."""
        if b"HTTP/1.1" in self._client.last and b"HTTP/1.1 200" not in self._client.last:
            raise RuntimeError(f"The gateway answered {self._client.last[:300]!r}.")
        return self._client.writes


async def _no_app(*_: object) -> None: ...


async def _streamed(gateway: Between, kind: Format, hear: Callable[[bytes], None]) -> float:
    """Microseconds for an event of a stream: read alone, written alone."""
    asked = gateway.request(mode="stream", served_by=kind, tokens=TOKENS)
    answer = answers.stream(kind, TOKENS, usage=True)
    first, *events = answer.tokens
    best = float("inf")
    for _ in range(STREAMS):
        gateway.ask(asked)
        hear(answer.filled(NONCE))
        hear(first)
        before, begun = gateway.writes(), time.perf_counter_ns()
        for event in events:
            hear(event)
        took = time.perf_counter_ns() - begun
        if gateway.writes() - before != len(events):
            raise RuntimeError("An event was not written by itself.")
        hear(answer.end)
        best = min(best, took / len(events) / 1000)
    return best


async def _whole(
    gateway: Between, stockyard: Stockyard, hear: Callable[[bytes], None]
) -> dict[str, float]:
    """Microseconds of each stage of a small whole call."""
    watch = Stopwatch()
    watch.calibrate()
    for owner, name, stage in BOUNDARIES:
        setattr(owner, name, watch.timed(getattr(owner, name), stage))
    asked, answer = gateway.request(), answers.whole("chat", 128).filled(NONCE)
    clock = time.pthread_getcpuclockid(_writer())
    best: dict[str, float] = {}
    written, written_ns = 0, 0
    for _ in range(PASSES):
        await _all_written(stockyard)
        watch.reset()
        before, writer_before = gateway.writes(), time.clock_gettime_ns(clock)
        for _ in range(CALLS):
            gateway.ask(asked)
            hear(answer)
        found = watch.microseconds(CALLS)
        if gateway.writes() - before != CALLS:
            raise RuntimeError("A call was not answered in one write.")
        del found[ELSEWHERE]
        await _all_written(stockyard)
        written += CALLS
        written_ns += time.clock_gettime_ns(clock) - writer_before
        best = {stage: min(us, best.get(stage, us)) for stage, us in found.items()}
    return best | {WRITER: written_ns / written / 1000}


def _writer() -> int:
    names = {thread.name: thread.ident for thread in threading.enumerate()}
    return names["stockyard-writer"] or 0


async def _all_written(stockyard: Stockyard) -> None:
    await _until(lambda: not stockyard.recorder.queue.counts().queued)


async def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > until:
            raise TimeoutError("What the bench waited for did not happen.")
        await asyncio.sleep(0.01)


async def measure(folder: Path) -> list[Stage]:
    settings: dict[str, Any] = {
        "server.data_dir": str(folder / "data"),
        # Client, gateway and provider share one loop here, so it is always late.
        "overload.loop_lag": "60s",
    }
    for port, name in enumerate(("openai", "anthropic"), start=1):
        settings[f"providers.{name}.base_url"] = f"http://127.0.0.1:{port}"
        settings[f"providers.{name}.allow_private"] = True
        settings[f"providers.{name}.api_key"] = "x"
    stockyard = await Stockyard.open(load(settings, {}, folder), {})
    try:
        gateway = Between(stockyard)
        settle_memory()
        chat = await gateway.provider("chat")
        forwarded = await _streamed(gateway, "chat", chat)
        rewritten = await _streamed(gateway, "messages", await gateway.provider("messages"))
        found = await _whole(gateway, stockyard, chat)
        gateway.close()
    finally:
        await stockyard.close()
    return [
        Stage(LANE, found[LANE], 15),
        Stage(EXCHANGE, found[EXCHANGE], 15),
        Stage(UPSTREAM, found[UPSTREAM], 15),
        Stage(METRICS, found[METRICS], None),
        Stage(TRACE, found[TRACE], None),
        Stage(WRITER, found[WRITER], None),
        Stage(ROW, found[TRACE] + found[WRITER], 12),
        Stage(FORWARDED, forwarded, 4),
        Stage(REWRITTEN, rewritten, 25),
    ]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        with runner:
            stages = runner.run(measure(Path(folder)))
    print(msgspec.json.encode(stages).decode(), flush=True)


if __name__ == "__main__":
    main()
