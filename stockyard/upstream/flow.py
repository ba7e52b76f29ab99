"""Turn the bytes of a provider's stream into bytes or Events for the client.

If the client speaks the provider's format, the bytes are forwarded while a look reads usage and end
from them: a ForwardedFlow. If not, or if a module edits, they are decoded to Events: a DecodedFlow.
What comes before there is a sink is held.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import monotonic
from typing import Generic, TypeVar

from stockyard.core.events import Event, Started, UsageSeen, bears_content
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.stream import RawSink, Sink
from stockyard.core.target import Attempt
from stockyard.errors import StockyardError, UpstreamError
from stockyard.upstream.onlooker import Onlooker
from stockyard.upstream.reckoning import told_in
from stockyard.upstream.stream_end import cut_short
from stockyard.wire.codec import Codec, StreamLook, StreamReader

MAX_EVENTS = 1_000_000
PING = b"event: ping"
"""The beginning of an event that has data but no content."""

AnySink = TypeVar("AnySink", Sink, RawSink)


class Flow(ABC, Generic[AnySink]):
    def __init__(self, x: Exchange) -> None:
        self._x = x
        self.sink: AnySink | None = None
        self.content_at = monotonic()
        """When the last content came, for `Silence`."""

    @abstractmethod
    def feed(self, piece: bytes) -> None:
        """Deliver a piece, or hold it. Raises an error that the provider reports inside the stream,
        after delivering what came before it."""

    @abstractmethod
    def end(self, size: int) -> str | None:
        """The provider closed after so many bytes. Returns the action of a Finding if something was
        odd about the end. Raises if it was not the end of the answer."""

    @abstractmethod
    def owe(self, usage: Usage) -> None:
        """Add an estimate of the usage, because the provider did not report it."""

    @abstractmethod
    def pass_rest(self) -> None:
        """Deliver, or hold, the last data that `end` and `owe` produced."""

    @abstractmethod
    def taken(self, sink: AnySink) -> None:
        """Deliver what was held, and everything else from here on, to this sink."""

    @property
    @abstractmethod
    def content(self) -> bool:
        """Whether a content-bearing event has come."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the stream would be complete if it ended now."""

    @property
    @abstractmethod
    def reported_usage(self) -> Usage | None:
        """The usage that the provider has reported so far."""

    @property
    @abstractmethod
    def odd_finish(self) -> str:
        """An unknown finish reason; empty for any other."""

    @property
    def failure(self) -> UpstreamError | None:
        """An error inside the stream that was forwarded in the provider's own words."""
        return None

    @property
    def terminator(self) -> bytes:
        """What the provider ended the stream with, if that is not delivered to the sink."""
        return b""


class ForwardedFlow(Flow[RawSink]):
    """Forwards the bytes as they came."""

    def __init__(
        self,
        x: Exchange,
        look: StreamLook,
        codec: Codec,
        *,
        native: bool,
        attempt: Attempt,
    ) -> None:
        super().__init__(x)
        self._look = look
        self._codec = codec
        self._native = native
        self._onlooker = Onlooker(look, attempt) if native else None
        """Wraps the look on native routes."""
        self._see = look.feed if self._onlooker is None else self._onlooker.feed
        self._all_content = not codec.stream_type.startswith(b"text/event-stream")
        """Every byte of the format counts as content."""
        self._held: list[bytes] = []
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        sink = self.sink
        if sink is None:
            self._held.append(self._see(piece))
            return
        try:
            passed = self._see(piece)
        except StockyardError:
            self._forward(sink, self._look.before_error)
            raise
        self._forward(sink, passed)

    def _forward(self, sink: RawSink, passed: bytes) -> None:
        if passed:
            if self._all_content or (b"data:" in passed and not passed.startswith(PING)):
                self.content_at = monotonic()
            sink.data(passed)

    def end(self, size: int) -> str | None:
        missing = None
        if self.failure is None:
            self._rest = self._look.end()
            missing = cut_short(self._look, self._codec, native=self._native, size=size)
        elif self._onlooker is not None:
            self._rest = self._onlooker.rest()
        self._x.usage = self._look.usage
        return missing

    def owe(self, usage: Usage) -> None:
        self._x.usage = usage
        if self._x.received.wants_usage and not self._native:
            self._rest += self._look.tell_usage(usage)

    def pass_rest(self) -> None:
        if self.sink is None:
            self._held.append(self._rest)
        elif self._rest:
            self.sink.data(self._rest)

    def taken(self, sink: RawSink) -> None:
        self.sink = sink
        held, self._held = b"".join(self._held), []
        if held:
            sink.data(held)

    @property
    def content(self) -> bool:
        return self._look.content

    @property
    def complete(self) -> bool:
        return self._look.complete

    @property
    def reported_usage(self) -> Usage | None:
        return self._look.usage

    @property
    def odd_finish(self) -> str:
        return self._look.odd_finish

    @property
    def failure(self) -> UpstreamError | None:
        return self._onlooker.failure if self._onlooker is not None else None

    @property
    def terminator(self) -> bytes:
        return self._look.terminator


class DecodedFlow(Flow[Sink]):
    """Decodes the bytes to Events."""

    def __init__(self, x: Exchange, reader: StreamReader, *, terminator: bytes = b"") -> None:
        """`terminator`: the part of it that came before this reader took over."""
        super().__init__(x)
        self._reader = reader
        self._terminator = terminator
        self._content = False
        self._held: list[Event] = []
        self._rest: list[Event] = []
        self._count = 0
        self.is_settled = False
        """Usage in Events is ignored, because it was settled when the stream broke off."""

    def feed(self, piece: bytes) -> None:
        sink = self.sink
        if sink is None:
            self.hold((piece,), ended=False)
            return
        try:
            events = self._reader.feed(piece)
        except StockyardError:
            self._deliver(sink, self._reader.before_error)
            raise
        self._deliver(sink, events)

    def _hold(self, events: Sequence[Event]) -> None:
        self._held.extend(events)
        self._content = self._content or any(map(bears_content, events))

    def _deliver(self, sink: Sink, events: Sequence[Event]) -> None:
        self._count += len(events)
        if self._count > MAX_EVENTS:
            raise UpstreamError(
                "bad_answer", "The stream has too many events.", code="limit_exceeded"
            )
        for event in events:
            kind = type(event)
            if kind is UsageSeen or kind is Started:
                if not self.is_settled:
                    self._x.usage = event.usage or self._x.usage  # type: ignore[union-attr]  # just looked at
            else:
                self.content_at = monotonic()
        if events:
            sink.events(events)

    def hold(self, pieces: Sequence[bytes], *, ended: bool) -> None:
        """Read and hold it, as what a look found good. Raises what reading finds broken; what came
        before that is held."""
        try:
            for piece in pieces:
                self._hold(self._reader.feed(piece))
            if ended:
                self._hold(self._reader.end())
        except StockyardError:
            self._hold(self._reader.before_error)
            raise
        usage = self._x.usage
        if ended and usage is not None and usage.source != "reported":
            self._held.append(UsageSeen(usage=usage))

    def end(self, size: int) -> str | None:
        self._rest = self._reader.end()
        return None

    def owe(self, usage: Usage) -> None:
        self._rest.append(UsageSeen(usage=usage))

    def pass_rest(self) -> None:
        if self.sink is None:
            self._held.extend(self._rest)
        else:
            self._deliver(self.sink, self._rest)

    def taken(self, sink: Sink) -> None:
        self.sink = sink
        held, self._held = self._held, []
        if held:
            self._deliver(sink, held)

    @property
    def content(self) -> bool:
        return self._content

    @property
    def complete(self) -> bool:
        return self._reader.complete

    @property
    def reported_usage(self) -> Usage | None:
        return told_in(self._rest) or told_in(self._held) or self._x.usage

    @property
    def odd_finish(self) -> str:
        return self._reader.odd_finish

    @property
    def terminator(self) -> bytes:
        return self._terminator
