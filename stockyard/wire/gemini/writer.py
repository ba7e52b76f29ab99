"""Write Events as a stream of the format.

Every event is a small answer. Texts go out as they come; calls go out whole, for that is how
clients take them. The finish waits for the usage, which other formats send after it, and both go
out in the last event: nothing else ends a stream here.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec.structs import replace

from stockyard.core.events import (
    ArgumentsDelta,
    AudioDelta,
    CitationAdded,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Audio, Text
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.gemini.citations import CitingText, bytes_in, write_grounding
from stockyard.wire.gemini.errors import broken
from stockyard.wire.gemini.framing import Envelope
from stockyard.wire.gemini.logprobs import RESULT, write_logprobs
from stockyard.wire.gemini.names import FORMAT
from stockyard.wire.gemini.parts import encode_part
from stockyard.wire.gemini.response import BLOCKED, FINISH_REASONS, beside_content
from stockyard.wire.gemini.usage import write_usage
from stockyard.wire.layout import has_word, layout_of, own_fields
from stockyard.wire.surrogates import encode
from stockyard.wire.writer import ByEvent, Writer, summary_in


class _Held:
    """A part that goes out whole, while it is made."""

    __slots__ = ("audio", "opened", "pieces", "signature")

    def __init__(self, opened: PartStarted) -> None:
        self.opened = opened
        self.pieces: list[str] = []
        self.signature: str | None = None
        self.audio: list[str] = []


class GeminiWriter(Writer):
    all_choices = True

    def __init__(self, pen: Pen, envelope: Envelope) -> None:
        super().__init__()
        self._envelope = envelope
        self._before = envelope.first
        self._tail = b',"modelVersion":%b,"responseId":%b}' % (encode(pen.model), encode(pen.id))
        self._drops = Drops(FORMAT)
        self._own: dict[str, Any] = {}
        """What the provider said of the whole answer, if it speaks this format."""
        self._parts: dict[str, PartStarted] = {}
        self._held: dict[str, _Held] = {}
        self._texts: dict[int, dict[str, list[str]]] = {}
        """Choice -> key -> text so far, because citations refer to stretches of it in bytes."""
        self._cited: dict[int, dict[str, list[Any]]] = {}
        """Choice -> key of a text -> its citations."""
        self._logprobs: dict[int, Any] = {}
        """Choice -> those of the text that follows."""
        self._refused: set[int] = set()
        self._finishes: dict[int, Finished] = {}
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        """`comment` is ignored: this format has no comments."""
        for key in list(self._held):
            self._write_held(key)
        self._put(self._ending())
        return self._taken() + self._envelope.end

    def fail(self, fault: Fault) -> bytes:
        self._put(broken(fault))
        return self._taken() + self._envelope.end

    def _put(self, document: bytes) -> None:
        self._out += (self._before, document, self._envelope.after)
        self._before = self._envelope.later

    def _part(self, choice: int, part: bytes) -> None:
        logprobs = self._logprobs.pop(choice, None) if self._logprobs else None
        beside = b',"%b":%b' % (RESULT.encode(), encode(logprobs)) if logprobs else b""
        self._put(
            b'{"candidates":[{"content":{"parts":[%b],"role":"model"},"index":%d%b}]%b'
            % (part, choice, beside, self._tail)
        )

    def _started(self, event: Started) -> None:
        self._own = own_fields(event.extra, FORMAT)

    def _part_started(self, event: PartStarted) -> None:
        self._parts[event.key] = event
        if event.kind == "audio" or (event.kind == "tool_call" and event.kind_of_tool != "server"):
            self._held[event.key] = _Held(event)
        elif event.kind == "opaque" and event.whole is not None:
            whole: Any = event.whole
            if (item := encode_part(whole, self._drops, "content")) is not None:
                self._part(event.choice, encode(item))
        elif said := summary_in(event):
            self._reasoning(ReasoningDelta(key=event.key, text=said, choice=event.choice))

    def _text(self, event: TextDelta) -> None:
        if event.text:
            self._texts.setdefault(event.choice, {}).setdefault(event.key, []).append(event.text)
            self._part(event.choice, b'{"text":%b}' % encode(event.text))

    def _citation(self, event: CitationAdded) -> None:
        self._cited.setdefault(event.choice, {}).setdefault(event.key, []).append(event.value)

    def _logprobs_added(self, event: LogprobsAdded) -> None:
        if event.choice in self._logprobs:
            # They would have gone out with a text that never came.
            self._part(event.choice, b'{"text":""}')
        if (said := write_logprobs(event.value)) is not None:
            self._logprobs[event.choice] = said

    def _refusal(self, event: RefusalDelta) -> None:
        if event.text:
            self._refused.add(event.choice)
            self._texts.setdefault(event.choice, {}).setdefault(event.key, []).append(event.text)
            self._part(event.choice, b'{"text":%b}' % encode(event.text))

    def _reasoning(self, event: ReasoningDelta) -> None:
        if event.text:
            self._part(event.choice, b'{"text":%b,"thought":true}' % encode(event.text))

    def _arguments(self, event: ArgumentsDelta) -> None:
        if (held := self._held.get(event.key)) is not None:
            held.pieces.append(event.text)

    def _audio(self, event: AudioDelta) -> None:
        data = event.value.get("data")
        if (held := self._held.get(event.key)) is not None and isinstance(data, str):
            held.audio.append(data)

    def _signature(self, event: SignatureDelta) -> None:
        if (held := self._held.get(event.key)) is not None:
            held.signature = (held.signature or "") + event.signature
            return
        # Another format's signature is meaningless here and must not come back as ours.
        part = self._parts.get(event.key)
        if part is not None and event.made_by == FORMAT:
            thought = {"thought": True} if part.kind == "reasoning" else {}
            signed = {"text": "", **thought, "thoughtSignature": event.signature}
            self._part(event.choice, encode(signed))

    def _part_ended(self, event: PartEnded) -> None:
        part = self._parts.pop(event.key, None)
        if event.key in self._held:
            self._write_held(event.key)
            return
        own = own_fields(part.whole.extra, FORMAT) if part and isinstance(part.whole, Text) else {}
        if own:
            self._part(event.choice, encode({"text": "", **own}))

    def _write_held(self, key: str) -> None:
        held = self._held.pop(key)
        opened = held.opened
        if opened.kind == "audio":
            audio = opened.whole if isinstance(opened.whole, Audio) else Audio()
            part: Any = replace(audio, data="".join(held.audio) or None)
        else:
            call = opened.as_call()
            arguments = call.arguments + "".join(held.pieces)
            part = replace(call, arguments=arguments, signature=held.signature)
        if (item := encode_part(part, self._drops, "content")) is not None:
            self._part(opened.choice, encode(item))

    def _usage_seen(self, event: UsageSeen) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished) -> None:
        self._finishes.setdefault(event.choice, event)

    def _ending(self) -> bytes:
        finishes = self._finishes or {0: Finished(reason="stop")}
        candidates = [
            self._end_of(finish)
            for finish in finishes.values()
            # Without a block reason, a client needs a finish to know that this is the end.
            if not (finish.native and has_word(layout_of(finish.extra, FORMAT), BLOCKED))
        ]
        body: dict[str, Any] = dict(self._own)
        if candidates:
            body["candidates"] = candidates
        if self._usage is not None:
            body["usageMetadata"] = write_usage(self._usage)
        return encode(body)[:-1] + (self._tail if body else self._tail[1:])

    def _end_of(self, finish: Finished) -> dict[str, Any]:
        reason = FINISH_REASONS.of_stream(finish, refused=finish.choice in self._refused)
        content = {"parts": [{"text": ""}], "role": "model"}
        # Sources that came in this format are already in its own fields.
        cited = {} if FORMAT in finish.extra else self._cited.get(finish.choice, {})
        grounding = write_grounding(self._citing(finish.choice, cited))
        logprobs = self._logprobs.pop(finish.choice, None)
        beside = beside_content(own_fields(finish.extra, FORMAT), grounding, logprobs)
        return {**beside, "content": content, "finishReason": reason, "index": finish.choice}

    def _citing(self, choice: int, cited: dict[str, list[Any]]) -> Iterator[CitingText]:
        if not cited:
            return
        before = 0
        for key, pieces in self._texts.get(choice, {}).items():
            text = "".join(pieces)
            yield CitingText(0, text, cited.get(key, ()), before)
            before += bytes_in(text)

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        PartStarted: _part_started,
        TextDelta: _text,
        RefusalDelta: _refusal,
        ReasoningDelta: _reasoning,
        ArgumentsDelta: _arguments,
        AudioDelta: _audio,
        CitationAdded: _citation,
        LogprobsAdded: _logprobs_added,
        SignatureDelta: _signature,
        PartEnded: _part_ended,
        UsageSeen: _usage_seen,
        Finished: _finished,
    }
