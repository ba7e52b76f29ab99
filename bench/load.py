"""The load generator, a process of its own: a `Job` per line in, an `Outcome` per line out.

    python -m bench.load

A reply counts as an answer only if it is status 200, complete, JSON at both ends or a stream with
every token once and in order and its terminator, and brings back the very nonce of its call.
"""

import asyncio
import gc
import re
import resource
import sys
import time
from collections import Counter
from functools import partial
from typing import cast

import httptools
import msgspec
import uvloop

from bench.job import Job, Outcome, spread
from bench.order import END
from bench.request import request

_TOKEN = re.compile(rb"t(\d{5}) ")
_FIRST_TOKEN = b"t00000 "
_TERMINATORS = {"chat": b"data: [DONE]", "messages": b"event: message_stop"}
_SAMPLES = 3
_REDIAL = 0.02
"""Seconds before a broken connection is replaced."""


class Slice:
    """What all callers of one job share: the clock, the request and the tally."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.before, self.after = request(job)
        self.expected = [b"%05d" % i for i in range(job.tokens)]
        self.terminator = _TERMINATORS[job.format]
        self.started = time.perf_counter()
        self.opens = self.started + (0.0 if job.mode == "hold" else job.warm)
        self.closes = self.opens + job.seconds
        self.limit = 1 if job.mode == "hold" else job.limit
        self.open: set[Caller] = set()
        self.wrong: Counter[str] = Counter()
        self.samples: list[str] = []
        self.right = self.right_ever = self.lost_events = 0
        self.latencies: list[float] = []
        self.firsts: list[float] = []
        self._nonce = int(self.started * 1e6)

    def next_nonce(self) -> bytes:
        self._nonce += 1
        # A big odd factor spreads neighbours, so that half a nonce never looks like another.
        return b"%016x" % (self._nonce * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)

    def answered(self, sent: float, first: float) -> None:
        now = time.perf_counter()
        self.right_ever += 1
        in_time = now < self.closes or self.job.mode == "hold"
        if sent >= self.opens and in_time:
            self.right += 1
            self.latencies.append(now - sent)
            if first:
                self.firsts.append(first - sent)

    def failed(self, why: str, body: bytes) -> None:
        self.wrong[why] += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(f"{why}: {body[:300].decode(errors='replace')}")

    def outcome(self, late: int, cpu: float) -> Outcome:
        return Outcome(
            right=self.right,
            right_ever=self.right_ever,
            seconds=self.job.seconds,
            wrong=dict(self.wrong),
            samples=self.samples,
            late=late,
            lost_events=self.lost_events,
            latency=spread(self.latencies),
            first_event=spread(self.firsts),
            load_cpu=cpu,
        )


class Caller(asyncio.Protocol):
    """One connection that makes one call after the other."""

    def __init__(self, slice_: Slice, done: asyncio.Event) -> None:
        self._slice, self._done = slice_, done
        self._streams = slice_.job.mode != "whole"
        self._left = slice_.limit or sys.maxsize
        self._busy = False
        self._first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self._slice.open.add(self)
        self._next()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("not HTTP", data)

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        if self._streams and not self._first and _FIRST_TOKEN in data:
            self._first = time.perf_counter()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        body = b"".join(self._pieces)
        self._busy = False
        why = f"status {status}" if status != 200 else self._fault(body)
        if why:
            self._slice.failed(why, body)
        else:
            self._slice.answered(self._sent, self._first)
        if not self._parser.should_keep_alive():
            self._transport.close()
            return
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy:
            body = b"".join(self._pieces)
            self._slice.lost_events += self._lost(_TOKEN.findall(body))
            self._slice.failed("connection lost", body)
        self._slice.open.discard(self)
        self._done.set()

    def _next(self) -> None:
        now = time.perf_counter()
        if self._left <= 0 or now >= self._slice.closes:
            self._transport.close()
            return
        self._left -= 1
        self._busy, self._first, self._sent = True, 0.0, now
        self._pieces: list[bytes] = []
        self._nonce = self._slice.next_nonce()
        self._transport.write(self._slice.before + self._nonce + self._slice.after)

    def _fault(self, body: bytes) -> str:
        """What is wrong with a 200; empty when nothing is."""
        if self._nonce not in body:
            return "another call's answer" if body else "empty"
        if not self._streams:
            complete = body[:1] == b"{" and body.rstrip()[-1:] == b"}" and END in body
            return "" if complete else "an incomplete answer"
        tokens = _TOKEN.findall(body)
        if tokens != self._slice.expected:
            self._slice.lost_events += self._lost(tokens)
            return "tokens missing or out of order"
        return "" if self._slice.terminator in body else "no terminator"

    def _lost(self, tokens: list[bytes]) -> int:
        return len(set(self._slice.expected) - set(tokens)) if self._streams else 0

    def _fail(self, why: str, body: bytes) -> None:
        self._slice.failed(why, body)
        self.hang_up()

    def hang_up(self) -> None:
        self._busy = False
        self._transport.close()


async def _call(slice_: Slice, delay: float) -> None:
    """Keep one caller going until the slice closes, over as many connections as it takes."""
    await asyncio.sleep(delay)
    loop = asyncio.get_running_loop()
    while time.perf_counter() < slice_.closes:
        done = asyncio.Event()
        try:
            caller = partial(Caller, slice_, done)
            await loop.create_connection(caller, "127.0.0.1", slice_.job.port)
            await done.wait()
        except OSError as error:
            slice_.failed("no connection", str(error).encode())
        if slice_.limit:
            return
        await asyncio.sleep(_REDIAL)


async def measure(job: Job) -> Outcome:
    before = _cpu()
    slice_ = Slice(job)
    step = job.seconds / job.callers if job.mode == "hold" else 0.0
    callers = [asyncio.create_task(_call(slice_, step * i)) for i in range(job.callers)]
    total = slice_.closes - slice_.started + job.patience
    _, late = await asyncio.wait(callers, timeout=total)
    for task in late:
        task.cancel()
    for caller in list(slice_.open):
        caller.hang_up()
    return slice_.outcome(len(late), _cpu() - before)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    gc.disable()  # a collection in the middle of a slice would look like latency
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            outcome = runner.run(measure(msgspec.json.decode(line, type=Job)))
            sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
            sys.stdout.buffer.flush()
            gc.collect()


if __name__ == "__main__":
    main()
