"""Speech as events, both ways. Each piece is base64 of its own and decodes without the others."""

from collections.abc import Sequence
from typing import Any

from stockyard.core.events import AudioDelta, Event, PartStarted, Started, UsageSeen
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Traits
from stockyard.wire.media_usage import write_media_usage
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.typed_look import Grammar
from stockyard.wire.typed_stream import TypedReader, Value, typed

DELTA, END = "speech.audio.delta", "speech.audio.done"
GRAMMAR = Grammar(pieces=frozenset({DELTA}), ends=frozenset({END}), noun="speech")
_KEY = "audio"


class SpeechReader(TypedReader):
    grammar = GRAMMAR

    def __init__(self, *, traits: Traits) -> None:
        super().__init__(traits=traits)
        self._begun = False

    def piece(self, value: Value) -> list[Event]:
        audio = value.get("audio")
        if not isinstance(audio, str):
            return []
        opening = () if self._begun else (PartStarted(key=_KEY, kind="audio"),)
        self._begun = True
        return [*opening, AudioDelta(key=_KEY, value={"data": audio})]


class SpeechWriter:
    def __init__(self) -> None:
        self._usage: Usage | None = None

    def write(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, AudioDelta) and "data" in event.value:
                out.append(typed({"type": DELTA, "audio": event.value["data"]}))
            elif isinstance(event, UsageSeen | Started):
                self._usage = event.usage or self._usage
        return b"".join(out)

    def end(self, comment: bytes = b"") -> bytes:
        said: dict[str, Any] = {"type": END}
        usage = write_media_usage(self._usage)
        if usage is not None:
            said["usage"] = usage
        return comment + typed(said)

    def fail(self, fault: Fault) -> bytes:
        return failed_stream(fault)
