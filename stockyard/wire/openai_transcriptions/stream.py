"""Transcription streams as Events, both ways.

A provider that tells speakers apart sends segments; each is a part of its own, so that its text is
seen by whoever edits the rest.
"""

from typing import Any, ClassVar

from stockyard.core.events import (
    Event,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen, Traits
from stockyard.wire.media_usage import write_media_usage
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.openai_transcriptions.request import FORMAT
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.typed_look import Grammar
from stockyard.wire.typed_stream import TypedReader, Value, typed
from stockyard.wire.writer import ByEvent, Writer

DELTA, SEGMENT, END = "transcript.text.delta", "transcript.text.segment", "transcript.text.done"
GRAMMAR = Grammar(pieces=frozenset({DELTA, SEGMENT}), ends=frozenset({END}), noun="a transcription")
_TEXT = "text"
_Segments = dict[str, tuple[dict[str, Any], list[str]]]


class TranscriptionReader(TypedReader):
    grammar = GRAMMAR

    def __init__(self, *, traits: Traits) -> None:
        super().__init__(traits=traits)
        self._segments = 0
        self._begun = False

    def piece(self, value: Value) -> list[Event]:
        if value.get("type") == SEGMENT:
            return self._segment(value)
        text = value.get("delta")
        if not isinstance(text, str):
            return []
        return self._grown(self._pairs.join(_TEXT, text))

    def ended(self, value: Value) -> list[Event]:
        events = self._grown(self._pairs.end(_TEXT))
        text = value.get("text")
        if not self._begun and not self._segments and isinstance(text, str):
            events = self._grown(text)
        return [*events, PartEnded(key=_TEXT)] if self._begun else events

    def _grown(self, text: str) -> list[Event]:
        if not text:
            return []
        opening = () if self._begun else (PartStarted(key=_TEXT, kind="text"),)
        self._begun = True
        return [*opening, TextDelta(key=_TEXT, text=text)]

    def _segment(self, value: Value) -> list[Event]:
        self._segments += 1
        key = f"segment {self._segments}"
        rest = {name: item for name, item in value.items() if name not in ("type", "text")}
        text = value.get("text")
        return [
            PartStarted(key=key, kind="text", extra={FORMAT: rest}),
            TextDelta(key=key, text=text if isinstance(text, str) else ""),
            PartEnded(key=key),
        ]


class TranscriptionWriter(Writer):
    all_choices = True

    def __init__(self, pen: Pen) -> None:
        super().__init__()
        self._text: list[str] = []
        self._spoken: list[str] = []
        """Texts of the segments, which are all there is where nothing else streams."""
        self._open: _Segments = {}
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        said: dict[str, Any] = {"type": END, "text": "".join(self._text or self._spoken).strip()}
        usage = write_media_usage(self._usage)
        if usage is not None:
            said["usage"] = {"type": "tokens", **usage}
        return typed(said) + comment + DONE_EVENT

    def fail(self, fault: Fault) -> bytes:
        return failed_stream(fault)

    def _part_started(self, event: PartStarted) -> None:
        if FORMAT in event.extra:
            self._open[event.key] = (event.extra[FORMAT], [])

    def _delta(self, event: TextDelta) -> None:
        if event.key in self._open:
            self._open[event.key][1].append(event.text)
        elif event.text:
            self._text.append(event.text)
            self._out.append(typed({"type": DELTA, "delta": event.text}))

    def _part_ended(self, event: PartEnded) -> None:
        if event.key in self._open:
            said, texts = self._open.pop(event.key)
            self._spoken += texts
            self._out.append(typed({"type": SEGMENT, **said, "text": "".join(texts)}))

    def _counted(self, event: Started | UsageSeen) -> None:
        self._usage = event.usage or self._usage

    by_event: ClassVar[ByEvent] = {
        Started: _counted,
        PartStarted: _part_started,
        TextDelta: _delta,
        PartEnded: _part_ended,
        UsageSeen: _counted,
    }
