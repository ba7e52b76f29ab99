"""Fold Events into an answer, and unfold an answer into Events.

`fold(unfold(output, usage)) == (output, usage)`, with the choices in order. That law lets streams
and whole answers take one path through the modules, and lets a kept answer be replayed as a stream.

A part is unfolded into what streams of it (text, arguments, a signature) and, in
`PartStarted.whole`, what does not. Folding puts the two together again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from stockyard.core.events import (
    ArgumentsDelta,
    AudioDelta,
    ChoiceStarted,
    CitationAdded,
    Event,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartKind,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import (
    AnyPart,
    Audio,
    Extra,
    Message,
    Opaque,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from stockyard.core.money import Usage
from stockyard.core.response import Choice, Output

PLAIN = Message(role="assistant")


def unfold(output: Output, usage: Usage | None) -> list[Event]:
    """The Events that would have streamed this answer, each part in one piece."""
    events: list[Event] = [
        Started(
            id=output.id,
            model=output.model,
            created=output.created,
            service_tier=output.service_tier,
            warnings=output.warnings,
            extra=output.extra,
        )
    ]
    for choice in output.choices:
        events.extend(_unfold_choice(choice))
    if usage is not None:
        events.append(UsageSeen(usage=usage))
    return events


def fold(events: Iterable[Event]) -> tuple[Output, Usage | None]:
    """The answer that these Events make, and its usage if they report it."""
    folder = Folder()
    for event in events:
        folder.add(event)
    return folder.result()


def _unfold_choice(choice: Choice) -> Iterator[Event]:
    index = choice.index
    frame = replace(choice.message, parts=())
    if frame != PLAIN or choice.finish is None:
        native = choice.native_finish if choice.finish is None else None
        extra = choice.extra if choice.finish is None else {}
        yield ChoiceStarted(choice=index, message=frame, native=native, extra=extra)
    if choice.logprobs is not None:
        # Before the text that they are about, as in streams.
        yield LogprobsAdded(value=choice.logprobs, choice=index)
    for number, part in enumerate(choice.message.parts):
        yield from _unfold_part(f"{index}.{number}", index, part)
    if choice.finish is not None:
        yield Finished(
            reason=choice.finish, native=choice.native_finish, choice=index, extra=choice.extra
        )


def _unfold_part(key: str, choice: int, part: AnyPart) -> Iterator[Event]:
    if isinstance(part, Text):
        yield from _unfold_text(key, choice, part)
    elif isinstance(part, Reasoning):
        yield from _unfold_reasoning(key, choice, part)
    elif isinstance(part, Refusal):
        yield _opening(key, choice, "refusal", replace(part, text=""), Refusal(text=""))
        if part.text:
            yield RefusalDelta(key=key, text=part.text, choice=choice)
    elif isinstance(part, ToolCall):
        yield from _unfold_call(key, choice, part)
    elif isinstance(part, Audio):
        yield from _unfold_audio(key, choice, part)
    else:
        yield PartStarted(key=key, kind="opaque", choice=choice, whole=part)
    yield PartEnded(key=key, choice=choice)


def _unfold_text(key: str, choice: int, part: Text) -> Iterator[Event]:
    rest = replace(part, text="", citations=())
    yield _opening(key, choice, "text", rest, Text(text=""))
    if part.text:
        yield TextDelta(key=key, text=part.text, choice=choice)
    for citation in part.citations:
        yield CitationAdded(key=key, format="", value=citation, choice=choice)


def _unfold_reasoning(key: str, choice: int, part: Reasoning) -> Iterator[Event]:
    made_by = None if part.signature is not None else part.made_by
    rest = replace(part, text="", signature=None, made_by=made_by)
    opening = _opening(key, choice, "reasoning", rest, Reasoning())
    yield opening if part.signature is None else replace(opening, signed_by=part.made_by)
    if part.text:
        yield ReasoningDelta(key=key, text=part.text, choice=choice)
    if part.signature is not None:
        yield SignatureDelta(key=key, signature=part.signature, made_by=part.made_by, choice=choice)


def _unfold_call(key: str, choice: int, part: ToolCall) -> Iterator[Event]:
    rest = replace(part, arguments="", signature=None)
    plain = ToolCall(id=part.id, name=part.name, kind=part.kind)
    yield PartStarted(
        key=key,
        kind="tool_call",
        choice=choice,
        id=part.id,
        name=part.name,
        kind_of_tool=part.kind,
        whole=None if rest == plain else rest,
    )
    if part.arguments:
        yield ArgumentsDelta(key=key, text=part.arguments, choice=choice)
    if part.signature is not None:
        yield SignatureDelta(key=key, signature=part.signature, choice=choice)


def _unfold_audio(key: str, choice: int, part: Audio) -> Iterator[Event]:
    rest = replace(part, id=None, data=None, transcript=None)
    yield _opening(key, choice, "audio", rest, Audio())
    said = {"id": part.id, "data": part.data, "transcript": part.transcript}
    value = {name: text for name, text in said.items() if text is not None}
    if value:
        yield AudioDelta(key=key, value=value, choice=choice)


def _opening(key: str, choice: int, kind: PartKind, rest: AnyPart, plain: AnyPart) -> PartStarted:
    return PartStarted(key=key, kind=kind, choice=choice, whole=None if rest == plain else rest)


class Folder:
    """Takes Events as they come."""

    def __init__(self) -> None:
        self._started = Started()
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, UsageSeen):
            self._usage = event.usage
        elif isinstance(event, Started):
            self._started = event
            self._usage = event.usage or self._usage
        elif (choice := getattr(event, "choice", None)) is not None:
            folding = self._choices.get(choice)
            if folding is None:
                folding = self._choices[choice] = _Choice(choice)
            folding.add(event)

    def result(self) -> tuple[Output, Usage | None]:
        """What was folded so far."""
        started = self._started
        output = Output(
            id=started.id,
            model=started.model,
            created=started.created,
            choices=tuple(self._choices[index].result() for index in sorted(self._choices)),
            service_tier=started.service_tier,
            warnings=started.warnings,
            extra=started.extra,
        )
        return output, self._usage


class _Choice:
    """One choice being folded."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._frame = PLAIN
        self._parts: dict[str, _Part] = {}
        self._finished: Finished | None = None
        self._native: str | None = None
        self._extra: Extra = {}
        self._logprobs = _Logprobs()

    def add(self, event: Event) -> None:
        if isinstance(event, PartStarted):
            self._parts[event.key] = _Part(event)
        elif isinstance(event, Finished):
            self._finished = event
        elif isinstance(event, LogprobsAdded):
            self._logprobs.add(event.value)
        elif isinstance(event, ChoiceStarted):
            self._frame = event.message or PLAIN
            self._native, self._extra = event.native, event.extra
        elif (part := self._parts.get(getattr(event, "key", ""))) is not None:
            part.add(event)

    def result(self) -> Choice:
        finished = self._finished
        parts = tuple(part.result() for part in self._parts.values())
        return Choice(
            index=self._index,
            message=replace(self._frame, parts=parts),
            finish=finished.reason if finished else None,
            native_finish=finished.native if finished else self._native,
            logprobs=self._logprobs.result(),
            extra=finished.extra if finished else self._extra,
        )


class _Logprobs:
    """Log probabilities arrive in pieces: objects of lists, whose lists are concatenated."""

    def __init__(self) -> None:
        self._value: Any = None
        self._is_ours = False
        """It may be changed: it is a copy."""
        self._grown: dict[str, list[Any]] = {}
        """Lists that came in several pieces, by their names."""

    def add(self, value: Any) -> None:
        if not isinstance(self._value, dict) or not isinstance(value, dict):
            self._value, self._is_ours, self._grown = value, False, {}
            return
        if not self._is_ours:
            self._value, self._is_ours = dict(self._value), True
        for name, piece in value.items():
            held = self._value.get(name)
            if isinstance(held, list) and isinstance(piece, list):
                if name not in self._grown:
                    self._grown[name] = self._value[name] = list(held)
                self._grown[name].extend(piece)
            elif piece is not None:
                self._grown.pop(name, None)
                self._value[name] = piece

    def result(self) -> Any:
        if not self._is_ours:
            return self._value
        return {**self._value, **{name: list(pieces) for name, pieces in self._grown.items()}}


class _Part:
    """One part being folded."""

    __slots__ = ("_audio", "_citations", "_made_by", "_opened", "_pieces", "_signature", "_sound")

    def __init__(self, opened: PartStarted) -> None:
        self._opened = opened
        self._pieces: list[str] = []
        self._citations: list[Any] = []
        self._signature: list[str] = []
        self._made_by: str | None = None
        self._audio: dict[str, Any] = {}
        self._sound: dict[str, list[str]] = {"data": [], "transcript": []}

    def add(self, event: Event) -> None:
        if isinstance(event, TextDelta | ReasoningDelta | RefusalDelta | ArgumentsDelta):
            self._pieces.append(event.text)
        elif isinstance(event, SignatureDelta):
            self._signature.append(event.signature)
            self._made_by = event.made_by or self._made_by
        elif isinstance(event, CitationAdded):
            self._citations.append(event.value)
        elif isinstance(event, AudioDelta):
            for name, value in event.value.items():
                if name in self._sound and isinstance(value, str):
                    self._sound[name].append(value)
                else:
                    self._audio[name] = value

    def result(self) -> AnyPart:
        part, extra = self._part(), self._opened.extra
        return replace(part, extra={**part.extra, **extra}) if extra else part

    def _part(self) -> AnyPart:
        opened = self._opened
        whole: AnyPart | None = opened.whole  # type: ignore[assignment]  # one of the parts
        text = "".join(self._pieces)
        if opened.kind == "tool_call":
            call = opened.as_call()
            signature = "".join(self._signature) if self._signature else None
            return replace(call, arguments=call.arguments + text, signature=signature)
        if opened.kind == "text":
            base = whole if isinstance(whole, Text) else Text(text="")
            return replace(base, text=base.text + text, citations=tuple(self._citations))
        if opened.kind == "refusal":
            refusal = whole if isinstance(whole, Refusal) else Refusal(text="")
            return replace(refusal, text=refusal.text + text)
        if opened.kind == "reasoning":
            reasoning = whole if isinstance(whole, Reasoning) else Reasoning()
            return replace(
                reasoning,
                text=reasoning.text + text,
                signature="".join(self._signature) or reasoning.signature,
                made_by=self._made_by or reasoning.made_by,
            )
        if opened.kind == "audio":
            audio = whole if isinstance(whole, Audio) else Audio()
            texts = {name: "".join(pieces) for name, pieces in self._sound.items() if pieces}
            known = {"id": self._audio.get("id"), **texts}
            return replace(audio, **{k: v for k, v in known.items() if v is not None})
        return whole if whole is not None else Opaque(format="", value=None)
