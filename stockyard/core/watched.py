"""A Stream whose end somebody waits for, without standing in its way."""

from collections.abc import Callable, Sequence

from stockyard.core.events import Event
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.errors import Abandoned, StockyardError

Ended = Callable[[StockyardError | None], None]
"""Told once how a stream ended: None is well, Abandoned when the caller left."""


class Watched(Stream):
    """Passes a Stream on as it is, and tells `ended` once when it is over."""

    def __init__(self, stream: Stream, ended: Ended) -> None:
        self._stream = stream
        self._ended: Ended | None = ended
        self.raw_format = stream.raw_format
        self.status = stream.status
        self.fields = stream.fields

    def start(self, sink: Sink) -> None:
        self._stream.start(_WatchedSink(sink, self._end))

    def start_raw(self, sink: RawSink) -> None:
        self._stream.start_raw(_WatchedRawSink(sink, self._end))

    @property
    def terminator(self) -> bytes:
        return self._stream.terminator

    def pause(self) -> None:
        self._stream.pause()

    def resume(self) -> None:
        self._stream.resume()

    def cancel(self) -> None:
        self._stream.cancel()
        self._end(Abandoned())

    def _end(self, error: StockyardError | None) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(error)


class _WatchedSink:
    def __init__(self, sink: Sink, ended: Ended) -> None:
        self.events: Callable[[Sequence[Event]], None] = sink.events
        self._sink = sink
        self._ended = ended

    def done(self) -> None:
        self._ended(None)
        self._sink.done()

    def failed(self, error: StockyardError) -> None:
        self._ended(error)
        self._sink.failed(error)


class _WatchedRawSink:
    def __init__(self, sink: RawSink, ended: Ended) -> None:
        self.data: Callable[[bytes], None] = sink.data
        self._sink = sink
        self._ended = ended

    def done(self) -> None:
        self._ended(None)
        self._sink.done()

    def failed(self, error: StockyardError) -> None:
        self._ended(error)
        self._sink.failed(error)
