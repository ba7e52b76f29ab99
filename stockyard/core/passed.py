"""A Stream that passes another one on unchanged: the base of those that only observe."""

from stockyard.core.stream import RawSink, Sink, Stream


class PassedStream(Stream):
    """Subclasses put a sink of their own between the stream and who consumes it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.raw_format = stream.raw_format
        self.status = stream.status
        self.fields = stream.fields

    def start(self, sink: Sink) -> None:
        self._stream.start(sink)

    def start_raw(self, sink: RawSink) -> None:
        self._stream.start_raw(sink)

    @property
    def terminator(self) -> bytes:
        return self._stream.terminator

    def pause(self) -> None:
        self._stream.pause()

    def resume(self) -> None:
        self._stream.resume()

    def cancel(self) -> None:
        self._stream.cancel()
