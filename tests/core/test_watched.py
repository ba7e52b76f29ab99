"""Waiting for the end of a stream without being in its way."""

import pytest

from stockyard.core.events import Event, TextDelta
from stockyard.core.replay import Replay
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.core.watched import Watched
from stockyard.errors import Abandoned, StockyardError, UpstreamError
from tests.builders import Taken

EVENTS: list[Event] = [TextDelta(key="t", text="hi")]
CUT = UpstreamError("interrupted", "Cut.")


class Bytes(Stream):
    """A stream that has bytes to forward."""

    raw_format = "openai_chat"
    status = 404
    fields = ((b"x-a", b"1"),)

    def __init__(self, error: StockyardError | None = None) -> None:
        self.error = error
        self.did: list[str] = []

    def start(self, sink: Sink) -> None:
        sink.done()

    def start_raw(self, sink: RawSink) -> None:
        sink.data(b"data: hi\n\n")
        sink.done() if self.error is None else sink.failed(self.error)

    @property
    def terminator(self) -> bytes:
        return b"data: [DONE]\n\n"

    def pause(self) -> None:
        self.did.append("pause")

    def resume(self) -> None:
        self.did.append("resume")

    def cancel(self) -> None:
        self.did.append("cancel")


class TakenBytes(Taken):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def data(self, piece: bytes) -> None:
        self.pieces.append(piece)


@pytest.mark.parametrize("error", [None, CUT])
def test_a_watched_stream_tells_once_how_it_ended_and_passes_everything_on(
    error: StockyardError | None,
) -> None:
    ends: list[StockyardError | None] = []
    sink, raw = Taken(), TakenBytes()
    Watched(Replay(EVENTS, error=error), ends.append).start(sink)
    Watched(Bytes(error), ends.append).start_raw(raw)
    assert ends == [error, error]
    assert sink.taken == EVENTS
    assert raw.pieces == [b"data: hi\n\n"]
    assert sink.ended == raw.ended == ("done" if error is None else error)


def test_a_caller_that_leaves_is_told_apart_and_only_once() -> None:
    ends: list[StockyardError | None] = []
    stream = Watched(Replay(EVENTS), ends.append)
    stream.cancel()
    stream.cancel()
    assert len(ends) == 1
    assert isinstance(ends[0], Abandoned)


def test_a_watched_stream_is_the_stream_itself_in_all_else() -> None:
    inner = Bytes()
    stream = Watched(inner, lambda error: None)
    stream.pause()
    stream.resume()
    stream.cancel()
    assert inner.did == ["pause", "resume", "cancel"]
    assert (stream.raw_format, stream.fields) == (inner.raw_format, inner.fields)
    assert stream.status == inner.status
    assert stream.terminator == inner.terminator
