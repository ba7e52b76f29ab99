"""A streamed answer, and how it is taken."""

from collections.abc import Sequence
from typing import Protocol

from stockyard.core.events import Event
from stockyard.core.response import Response
from stockyard.errors import StockyardError


class Sink(Protocol):
    """Who takes the Events of a Stream. Exactly one of `done` and `failed` ends it."""

    def events(self, batch: Sequence[Event]) -> None: ...
    def done(self) -> None: ...
    def failed(self, error: StockyardError) -> None: ...


class RawSink(Protocol):
    """Who takes the bytes of a Stream that nobody edits, in pieces of whole events."""

    def data(self, piece: bytes) -> None: ...
    def done(self) -> None:
        """The stream is complete; its terminator, if the format has one, was not sent yet."""

    def failed(self, error: StockyardError) -> None: ...


class Stream:
    """A streamed answer that has begun: its first content-bearing Event has arrived.

    It is taken exactly once, by `start` or, where `raw_format` is the format wanted, by
    `start_raw`. Nothing is lost before that; nothing is delivered after `cancel`.
    """

    raw_format: str | None = None
    """The format in which `start_raw` would deliver; None when there are no bytes to forward."""
    status: int = 200
    """The provider's status: 200, except where an answer is relayed unread."""
    fields: Sequence[tuple[bytes, bytes]] = ()
    """The provider's response headers, names in lower case."""

    # Not an abstract base class: `isinstance` is asked on the path of every call, and is ten
    # times slower for those.

    def start(self, sink: Sink) -> None:
        raise NotImplementedError

    def start_raw(self, sink: RawSink) -> None:
        raise TypeError("This stream has no bytes to forward.")

    @property
    def terminator(self) -> bytes:
        """What the provider sent to end a complete raw stream, to be written after the settle."""
        return b""

    def pause(self) -> None:
        """Stop delivering until `resume`. What is on its way may still come."""

    def resume(self) -> None:
        """Deliver again."""

    def cancel(self) -> None:
        """The caller left: close the upstream and deliver nothing more."""


Answer = Response | Stream
"""A whole Response, or a Stream of Events."""
