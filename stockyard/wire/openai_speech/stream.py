"""Speech as events, both ways. Each piece is base64 of its own and decodes without the others."""

from typing import Any, ClassVar

from stockyard.core.events import AudioDelta, Event, PartStarted, Started, UsageSeen
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Traits
from stockyard.wire.media_usage import write_media_usage
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.typed_look import Grammar
from stockyard.wire.typed_stream import TypedReader, Value, typed
from stockyard.wire.writer import ByEvent, Writer

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


class SpeechWriter(Writer):
    all_choices = True

    def __init__(self) -> None:
        super().__init__()
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        said: dict[str, Any] = {"type": END}
        usage = write_media_usage(self._usage)
        if usage is not None:
            said["usage"] = usage
        return comment + typed(said)

    def fail(self, fault: Fault) -> bytes:
        return failed_stream(fault)

    def _audio(self, event: AudioDelta) -> None:
        if "data" in event.value:
            self._out.append(typed({"type": DELTA, "audio": event.value["data"]}))

    def _counted(self, event: Started | UsageSeen) -> None:
        self._usage = event.usage or self._usage

    by_event: ClassVar[ByEvent] = {Started: _counted, AudioDelta: _audio, UsageSeen: _counted}
