"""Remember the signed thoughts of a stream while it passes (`signed.py`)."""

from collections.abc import Callable, Sequence

from stockyard.core.events import Event
from stockyard.core.folding import Folder
from stockyard.core.passed import PassedStream
from stockyard.core.response import Output
from stockyard.core.stream import Sink, Stream
from stockyard.errors import StockyardError
from stockyard.upstream.signed import MAX_TURN_BYTES


class SignedStream(PassedStream):
    """Passes a Stream on unchanged, and remembers its signed parts once it is complete.

    If its bytes are forwarded nothing is remembered, because the caller gets the signatures itself.
    """

    def __init__(self, stream: Stream, remember: Callable[[Output], None]) -> None:
        super().__init__(stream)
        self._remember = remember

    def start(self, sink: Sink) -> None:
        super().start(_Noting(sink, self._remember))


class _Noting:
    def __init__(self, sink: Sink, remember: Callable[[Output], None]) -> None:
        self._sink = sink
        self._remember = remember
        self._folder: Folder | None = Folder()
        self._size = 0

    def events(self, batch: Sequence[Event]) -> None:
        if self._folder is not None:
            for event in batch:
                self._folder.add(event)
                self._size += len(getattr(event, "text", ""))
            if self._size > MAX_TURN_BYTES:
                self._folder = None
        self._sink.events(batch)

    def done(self) -> None:
        if self._folder is not None:
            self._remember(self._folder.result()[0])
        self._sink.done()

    def failed(self, error: StockyardError) -> None:
        self._sink.failed(error)
