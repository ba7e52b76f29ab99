"""A streamed answer, and the sinks that receive it."""

from collections.abc import Sequence
from typing import Protocol

from stockyard.core.events import Event
from stockyard.core.response import Response
from stockyard.errors import StockyardError


class Sink(Protocol):
    """Receives the Events of a Stream. Exactly one of `done` and `failed` is called last."""

    def events(self, batch: Sequence[Event]) -> None: ...
    def done(self) -> None: ...
    def failed(self, error: StockyardError) -> None: ...


class RawSink(Protocol):
    """Receives the bytes of a Stream that no module edits, in pieces of whole events."""

    def data(self, piece: bytes) -> None: ...
    def done(self) -> None:
        """The stream is complete, except for the format's terminator if it has one."""

    def failed(self, error: StockyardError) -> None: ...


class Stream:
    """A streamed answer that has begun: its first content-bearing Event has arrived.

    It is consumed exactly once: with `start`, or with `start_raw` if `raw_format` is the format
    wanted. Nothing is lost before that, and nothing is delivered after `cancel`.
    """

    raw_format: str | None = None
    """The format of the bytes that `start_raw` delivers; None if there are no bytes to forward."""
    status: int = 200
    """The provider's status: 200, unless an answer is relayed without being decoded."""
    fields: Sequence[tuple[bytes, bytes]] = ()
    """The provider's response headers, names in lower case."""

    # Not an abstract base class: `isinstance` runs on the path of every call, and is ten times
    # slower for those.

    def start(self, sink: Sink) -> None:
        raise NotImplementedError

    def start_raw(self, sink: RawSink) -> None:
        raise TypeError("This stream has no bytes to forward.")

    @property
    def terminator(self) -> bytes:
        """The bytes that end a complete raw stream, to be written once the call is settled."""
        return b""

    def pause(self) -> None:
        """Stop delivering until `resume`. Data that was read already may still come."""

    def resume(self) -> None:
        """Deliver again."""

    def cancel(self) -> None:
        """The caller left: close the upstream connection and deliver nothing more."""


Answer = Response | Stream
"""A whole Response, or a Stream of Events."""
