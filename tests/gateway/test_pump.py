"""A stream ends for its client, also when its end cannot be written."""

from collections.abc import Sequence

import pytest

from stockyard.core.events import Event
from stockyard.core.passage import Passage
from stockyard.core.pipeline import Pipeline
from stockyard.core.standing import Standings
from stockyard.core.stream import Stream
from stockyard.errors import StockyardError
from stockyard.gateway.faults import fault_of
from stockyard.gateway.pump import EventPump
from stockyard.gateway.refusals import internal
from stockyard.wire.codec import Fault
from stockyard.wire.openai_chat.codec import ChatCodec
from tests.builders import an_exchange


class Broken:
    """A writer with a fault of its own."""

    def write(self, events: Sequence[Event]) -> bytes:
        return b""

    def end(self, comment: bytes) -> bytes:
        raise LookupError("the end")

    def fail(self, fault: Fault) -> bytes:
        raise LookupError("the error event")


class Told:
    """A Reply, and who settles the call."""

    def __init__(self) -> None:
        self.ended = ""

    def begin(self, status: int, fields: bytes, first: bytes) -> None: ...
    def push(self, data: bytes) -> None: ...

    def finish(self, last: bytes = b"") -> None:
        self.ended = "finished"

    def cut(self) -> None:
        self.ended = "cut"

    def stream_head(self) -> bytes:
        return b""

    def stream_done(self) -> None: ...
    def stream_failed(self, error: StockyardError) -> None: ...


def pump_for(told: Told) -> EventPump:
    passage = Passage(Pipeline((), Standings()), an_exchange())
    return EventPump(Stream(), told, told, ChatCodec(), passage, Broken())  # type: ignore[arg-type]  # they do what is asked here


def test_an_end_that_cannot_be_written_cuts_the_answer() -> None:
    told = Told()
    with pytest.raises(LookupError, match="the end"):
        pump_for(told).finish(b"")
    assert told.ended == "cut"


def test_an_error_event_that_cannot_be_written_cuts_the_answer() -> None:
    told, fault = Told(), fault_of(internal(), an_exchange())
    with pytest.raises(LookupError, match="the error event"):
        pump_for(told).fail(fault)
    assert told.ended == "cut"
