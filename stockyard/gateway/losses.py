"""Note the parts of an answer that are lost because the client's format has no equivalent for them.

The answer is paid for, so it is never refused because of that: each kind of loss is a Finding,
once, whether the answer is whole or a stream.
"""

from collections.abc import Iterable, Sequence

from stockyard.core.events import Event
from stockyard.core.exchange import Exchange
from stockyard.core.meaning import AnyOutput
from stockyard.core.response import Output
from stockyard.wire.codec import Codec, StreamWriter
from stockyard.wire.expressible import Expressible, may_lose
from stockyard.wire.streamed import StreamedCodec

MODULE, ACTION = "dispatch", "answer_lost"
MOST = 20
"""Different losses that are noted of one answer."""


class Losses:
    def __init__(self, x: Exchange, codec: Codec | None) -> None:
        self._x = x
        self._says = codec.says if isinstance(codec, StreamedCodec) else None
        self._told: set[str] = set()

    def of_output(self, output: AnyOutput) -> None:
        if self._says is not None and isinstance(output, Output):
            self.tell(self._says.lost_of(output))

    def writer(self, writer: StreamWriter) -> StreamWriter:
        """The writer, wrapped so that what it leaves out is noted."""
        return writer if self._says is None else _Telling(writer, self._says, self)

    def tell(self, parts: Iterable[str]) -> None:
        for part in parts:
            if part not in self._told and len(self._told) < MOST:
                self._told.add(part)
                self._x.note(MODULE, ACTION, {"part": part})


class _Telling:
    """A StreamWriter in front of another one."""

    def __init__(self, writer: StreamWriter, says: Expressible, losses: Losses) -> None:
        self._writer = writer
        self._says = says
        self._losses = losses
        self.end = writer.end
        self.fail = writer.fail

    def write(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if may_lose(event):
                self._losses.tell(self._says.lost_in(event))
        return self._writer.write(events)
