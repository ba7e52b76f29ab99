"""Stream an answer from memory: Events that are already known, delivered at once or paced."""

from collections.abc import Callable, Iterator, Sequence

from stockyard.core.events import Event
from stockyard.core.ports import Timer
from stockyard.core.stream import Sink, Stream
from stockyard.errors import StockyardError

BATCH = 64
"""Events delivered at a time, so that a slow reader can pause in between."""

Later = Callable[[float, Callable[[], None]], Timer]


class Replay(Stream):
    """Delivers its Events in order; then it is done, or fails with `error`.

    With `gaps` (seconds before each further Event) and `later` it is paced. Pausing stops it
    between Events, and its clock with it.
    """

    def __init__(
        self,
        events: Sequence[Event],
        *,
        error: StockyardError | None = None,
        gaps: Iterator[float] | None = None,
        later: Later | None = None,
    ) -> None:
        self._events = events
        self._error = error
        self._gaps = gaps
        self._later = later
        self._at = 0
        self._sink: Sink | None = None
        self._timer: Timer | None = None
        self._paused = False
        self._giving = False

    def start(self, sink: Sink) -> None:
        self._sink = sink
        self._give()

    def pause(self) -> None:
        self._paused = True
        self._stop_waiting()

    def resume(self) -> None:
        self._paused = False
        self._give()

    def cancel(self) -> None:
        self._sink = None
        self._stop_waiting()

    def _give(self) -> None:
        if self._giving or self._timer is not None:
            return  # the sink called `resume` while it was being fed, or a gap is not over
        self._giving = True
        try:
            while self._sink is not None and not self._paused and self._timer is None:
                self._give_next(self._sink)
        finally:
            self._giving = False

    def _give_next(self, sink: Sink) -> None:
        if self._at == len(self._events):
            self._sink = None
            sink.done() if self._error is None else sink.failed(self._error)
            return
        paced = self._gaps is not None and self._later is not None
        batch = self._events[self._at : self._at + (1 if paced else BATCH)]
        self._at += len(batch)
        sink.events(batch)
        if self._sink is not None and not self._paused:
            self._wait()

    def _wait(self) -> None:
        if self._gaps is None or self._later is None:
            return
        gap = next(self._gaps, 0.0)
        if gap > 0 and self._at < len(self._events):
            self._timer = self._later(gap, self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        self._give()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
