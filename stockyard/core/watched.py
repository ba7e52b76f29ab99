"""Learn how a Stream ended, without changing anything about it."""

from collections.abc import Callable, Sequence

from stockyard.core.events import Event
from stockyard.core.passed import PassedStream
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.errors import Abandoned, StockyardError

Ended = Callable[[StockyardError | None], None]
"""Called once when a stream is over, with the error that ended it: None if it is complete,
Abandoned if the caller left."""


class Watched(PassedStream):
    """Passes a Stream on unchanged, and calls `ended` once when it is over."""

    def __init__(self, stream: Stream, ended: Ended) -> None:
        super().__init__(stream)
        self._ended: Ended | None = ended

    def start(self, sink: Sink) -> None:
        super().start(_WatchedSink(sink, self._end))

    def start_raw(self, sink: RawSink) -> None:
        super().start_raw(_WatchedRawSink(sink, self._end))

    def cancel(self) -> None:
        super().cancel()
        self._end(Abandoned())

    def _end(self, error: StockyardError | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(error)


class _WatchedEnd:
    """The end of a sink of either kind."""

    def __init__(self, sink: Sink | RawSink, ended: Ended) -> None:
        self._sink = sink
        self._ended = ended

    def done(self) -> None:
        self._ended(None)
        self._sink.done()

    def failed(self, error: StockyardError) -> None:
        self._ended(error)
        self._sink.failed(error)


class _WatchedSink(_WatchedEnd):
    def __init__(self, sink: Sink, ended: Ended) -> None:
        super().__init__(sink, ended)
        self.events: Callable[[Sequence[Event]], None] = sink.events


class _WatchedRawSink(_WatchedEnd):
    def __init__(self, sink: RawSink, ended: Ended) -> None:
        super().__init__(sink, ended)
        self.data: Callable[[bytes], None] = sink.data
