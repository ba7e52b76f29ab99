"""Writes the log in its own thread, so that a slow reader of it delays nothing.

A pipe that is full stops this thread and nothing else: what then comes is counted and lost. The
same happens when standard output is closed.
"""

import os
import select
import threading
import time
from collections.abc import Callable
from itertools import groupby
from queue import Empty, SimpleQueue

from stockyard.process.logs.lines import Event, Line, as_json, as_text
from stockyard.process.logs.suppression import PERIOD, Suppression

MAX_LINES = 10_000
MAX_BATCH = 1_000
GATHER = 0.02
"""Seconds to wait for more lines after the first: a busy gateway wakes this thread 50 times a
second, and not with every call."""


class LogWriter:
    """One stream of lines.

    `redact` sees everything but what is said with `say`; `turn` may have the descriptor write
    elsewhere before each batch.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        json: bool,
        redact: Callable[[bytes], bytes] = bytes,
        turn: Callable[[int], None] | None = None,
    ) -> None:
        self.json = json
        self.redact = redact
        self.dropped = 0
        """Lines lost because the queue was full or the output closed."""
        self._descriptor = descriptor
        self._turn = turn
        self._render = as_json if json else as_text
        self._queue: SimpleQueue[Line | bytes | None] = SimpleQueue()
        self._suppression = Suppression()
        self._told_dropped = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stockyard-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, line: Line) -> None:
        """Have a line written, or lose and count it. Never waits; safe from any thread."""
        if self._queue.qsize() >= MAX_LINES:
            self.dropped += 1
            return
        self._queue.put(line)

    def say(self, text: str) -> None:
        """Have this written as it is, secrets included: only for what an operator must be shown."""
        self._queue.put(text.encode())

    def close(self, deadline: float = 1.0) -> None:
        """Write what is queued, for at most `deadline` seconds."""
        self._closing.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(deadline)

    def _run(self) -> None:
        while self._write_next():
            pass

    def _write_next(self) -> bool:
        """Write one batch. False at the end."""
        batch, go_on = self._gather()
        if self._turn is not None:
            self._turn(self._descriptor)
        now = time.monotonic()
        lines = [line for line in batch if self._wanted(line, now)]
        for said, some in groupby([*lines, *self._reports(now)], key=is_said):
            text = b"".join(map(self._rendered, some))
            self._write(text if said else self.redact(text))
        return go_on

    def _gather(self) -> tuple[list[Line | bytes], bool]:
        try:
            first = self._queue.get(timeout=PERIOD if self._suppression.waiting else None)
        except Empty:
            return [], True
        if first is None:
            return [], False
        self._closing.wait(GATHER)
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                line = self._queue.get_nowait()
            except Empty:
                break
            if line is None:
                return batch, False
            batch.append(line)
        return batch, True

    def _wanted(self, line: Line | bytes, now: float) -> bool:
        if isinstance(line, bytes) or line.sort is None:
            return True
        return self._suppression.admit(line.sort, now)

    def _rendered(self, line: Line | bytes) -> bytes:
        return line if isinstance(line, bytes) else self._render(line)

    def _reports(self, now: float) -> list[Event]:
        """What to say of lines that are missing."""
        events = []
        held_back = self._suppression.due(now)
        if held_back:
            message = f"{held_back} lines like others were left out."
            events.append(Event.now("log.suppressed", message, count=held_back))
        lost = self.dropped - self._told_dropped
        if lost:
            self._told_dropped = self.dropped
            message = f"{lost} lines were lost: nobody read the log."
            events.append(Event.now("log.dropped", message, "warning", count=lost))
        return events

    def _write(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self._descriptor, text) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [], PERIOD)
            except OSError:
                # The reader is gone. The gateway goes on.
                self.dropped += text.count(b"\n")
                self._told_dropped = self.dropped
                return


def is_said(line: Line | bytes) -> bool:
    return isinstance(line, bytes)
