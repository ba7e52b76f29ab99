"""Write Events as a provider-format stream: what all formats share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from stockyard.core.events import Event, Finished, PartEnded, PartStarted, Started, UsageSeen
from stockyard.core.messages import Reasoning
from stockyard.core.money import Usage
from stockyard.wire.codec import Pen

ByEvent = Mapping[type, Callable[[Any, Any], None]]
"""Event -> the method that writes it."""


class Writer:
    """Output collects in `_out` until `write` or `end` returns it."""

    by_event: ClassVar[ByEvent]
    """An Event that is not in it has no place in the format."""
    all_choices: ClassVar[bool] = False
    """Whether an answer can have several choices. Otherwise only the first is shown."""

    def __init__(self) -> None:
        self._out: list[bytes] = []

    def write(self, events: Sequence[Event]) -> bytes:
        for event in events:
            if self.all_choices or getattr(event, "choice", 0) == 0:
                self._take(event)
        return self._taken()

    def _take(self, event: Event) -> None:
        write = self.by_event.get(type(event))
        if write is not None:
            write(self, event)

    def _taken(self) -> bytes:
        out = b"".join(self._out)
        self._out.clear()
        return out


def summary_in(opening: PartStarted, gap: str = "") -> str:
    """The summary a reasoning part came with. Writers show it as the thinking itself."""
    part = opening.whole
    return gap.join(part.summary) if isinstance(part, Reasoning) else ""


class SerialWriter(Writer, ABC):
    """Writes formats in which only one part may be open at a time.

    Text may continue in a new part; a tool call may not, so events of other parts wait until the
    call has ended (`wire.md` 4.4). The finish waits for the usage, which other formats send after
    it.
    """

    terminator: bytes

    def __init__(self, pen: Pen) -> None:
        super().__init__()
        self._pen = pen
        self._begun = False
        self._parts: dict[str, PartStarted] = {}
        self._open: PartStarted | None = None
        self._held: list[Event] = []
        """Events of other parts that came while a call is open."""
        self._finish: Finished | None = None
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        self._begin()
        self._release()
        self._close()
        self._write_ending()
        return self._taken() + comment + self.terminator

    # Supplied by each format.

    def _note_start(self, event: Started) -> None:
        """Note what the first event says before anything is written."""

    @abstractmethod
    def _write_start(self) -> None: ...
    @abstractmethod
    def _close(self) -> None:
        """End the open part, if there is one."""

    @abstractmethod
    def _write_ending(self) -> None: ...

    # The same for all.

    def _take(self, event: Event) -> None:
        if self._must_wait(event):
            self._held.append(event)
        else:
            super()._take(event)

    def _started(self, event: Started) -> None:
        self._note_start(event)
        self._begin()

    def _part_ended(self, event: PartEnded) -> None:
        if self._is_open(event.key):
            self._close()
            self._release()

    def _usage_seen(self, event: UsageSeen) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished) -> None:
        self._finish = self._finish or event

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._write_start()

    def _is_open(self, key: str) -> bool:
        return self._open is not None and self._open.key == key

    def _must_wait(self, event: Event) -> bool:
        """Whether a tool call is open and this event belongs to another part."""
        key = getattr(event, "key", None)
        return (
            self._open is not None
            and self._open.kind == "tool_call"
            and key is not None
            and key != self._open.key
        )

    def _release(self) -> None:
        """Write the events that waited. Among them may be another call, for which the rest wait
        again."""
        while self._held:
            held, self._held = self._held, []
            for event in held:
                self._take(event)
            if self._held and len(self._held) == len(held):
                # The stream ended without ending the open call.
                self._close()

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        PartEnded: _part_ended,
        UsageSeen: _usage_seen,
        Finished: _finished,
    }
