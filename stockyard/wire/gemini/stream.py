"""Read a stream of the format: every event is a small answer; their parts, one after the other.

What the services do, and is tolerated here: calls come whole (or, on request, their arguments in
pieces that name their places), without ids; `STOP` may stand on an event in the middle; usage is
on every event and not monotonic; the stream just ends. The finish is therefore told at the end.
"""

from collections.abc import Mapping
from typing import Any

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Finished,
    LogprobsAdded,
    PartEnded,
    PartKind,
    PartStarted,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import AnyPart, Reasoning, Text, ToolCall
from stockyard.core.money import Usage
from stockyard.errors import StockyardError, UpstreamError
from stockyard.wire.arguments import compact
from stockyard.wire.error_kinds import error_in_answer
from stockyard.wire.error_shapes import error_body
from stockyard.wire.fields import FieldError
from stockyard.wire.finishes import odd
from stockyard.wire.gemini.citations import read_citations
from stockyard.wire.gemini.framing import Frame, Frames
from stockyard.wire.gemini.logprobs import RESULT, read_logprobs
from stockyard.wire.gemini.names import CALL, FORMAT, PART, known
from stockyard.wire.gemini.partial_args import PartialArguments
from stockyard.wire.gemini.parts import decode_part
from stockyard.wire.gemini.response import (
    BLOCKED,
    KNOWN_FINISHES,
    UNFINISHED,
    block_reason,
    finish_of,
    number_of,
    top_extra,
)
from stockyard.wire.gemini.usage import UsageSoFar
from stockyard.wire.layout import own_fields, with_layout
from stockyard.wire.reader import Reader
from stockyard.wire.surrogates import decode_event, loose
from stockyard.wire.tool_ids import missing_id
from stockyard.wire.tool_names import NO_NAMES
from stockyard.wire.width import check_room

_Object = dict[str, Any]

_CANDIDATE_FIELDS = frozenset({"content", "finishReason", "index", RESULT})
_DELTAS: dict[PartKind, Any] = {"text": TextDelta, "reasoning": ReasoningDelta}


class _Growing:
    """A call whose arguments arrive in pieces."""

    __slots__ = ("arguments", "call")

    def __init__(self, call: ToolCall) -> None:
        self.call = call
        self.arguments = PartialArguments()


class _Choice:
    """What has been seen of one candidate."""

    __slots__ = ("calls", "extra", "finish", "growing", "index", "kind", "made", "open", "texts")

    def __init__(self, index: int) -> None:
        self.index = index
        self.open = ""
        """Key of the open part; empty if there is none."""
        self.kind: PartKind = "text"
        self.made = 0
        self.calls: set[str] = set()
        self.growing: _Growing | None = None
        self.finish: Any = None
        self.extra: _Object = {}
        self.texts: dict[str, list[str]] = {}
        """Text of each text part by its key, because citations come at the end."""

    def new_key(self) -> str:
        self.made += 1
        return f"{self.index}.{self.made}"


class GeminiReader(Reader[Frame]):
    def __init__(self, frames: Frames, names: Mapping[str, str] = NO_NAMES) -> None:
        """`names`: derived tool names -> the names the client uses."""
        super().__init__(frames)
        self._frames = frames
        self._names = names
        self._choices: dict[int, _Choice] = {}
        self._usage_said = UsageSoFar()
        self._usage: Usage | None = None
        self._id = ""
        self._started = False
        self._blocked: str | None = None

    @property
    def complete(self) -> bool:
        """A finish of every candidate, or a blocked prompt. More may follow all the same."""
        if self._choices:
            return all(choice.finish is not None for choice in self._choices.values())
        return self._blocked is not None

    def end(self) -> list[Event]:
        events: list[Event] = []
        try:
            document = self._frames.rest().document
            if document and is_whole(document):
                self._read_document(document, events)
            if not self.complete:
                raise UpstreamError(
                    "interrupted", "The provider's answer broke off before its end."
                )
            self._finish(events)
        except StockyardError:
            self.before_error = events
            raise
        return events

    def _read(self, frame: Frame, events: list[Event], /) -> None:
        if frame.document:
            self._read_document(frame.document, events)

    def _read_document(self, document: bytes, events: list[Event]) -> None:
        try:
            answer = decode_event(document)
            if isinstance(answer, list) and len(answer) == 1:
                answer = answer[0]
            if answer.get("error"):
                raise error_in_answer(error_body(answer))
            self._read_answer(answer, events)
        except (FieldError, ValueError, RecursionError, TypeError, AttributeError):
            raise not_gemini() from None

    def _read_answer(self, answer: _Object, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            self._id = answer.get("responseId") or ""
            model = answer.get("modelVersion") or ""
            events.append(Started(id=self._id, model=model, extra=top_extra(answer)))
        self._blocked = self._blocked or block_reason(answer.get("promptFeedback"))
        for item in answer.get("candidates") or ():
            self._read_candidate(item, events)
        said = answer.get("usageMetadata")
        if isinstance(said, dict):
            self._usage_said.add(said)
            usage = self._usage_said.usage()
            if usage is not None and usage != self._usage:
                self._usage = usage
                events.append(UsageSeen(usage=usage))

    def _read_candidate(self, item: _Object, events: list[Event]) -> None:
        index = number_of(item.get("index"))
        choice = self._choices.get(index)
        if choice is None:
            check_room(self._choices)
            choice = self._choices[index] = _Choice(index)
        if RESULT in item and (logprobs := read_logprobs(item[RESULT])) is not None:
            events.append(LogprobsAdded(value=logprobs, choice=index))
        for part in (item.get("content") or {}).get("parts") or ():
            self._read_part(choice, known(part, PART), events)
        check_room(choice.extra)
        choice.extra |= {k: v for k, v in item.items() if k not in _CANDIDATE_FIELDS}
        finish = item.get("finishReason")
        if finish is not None and finish not in UNFINISHED:
            # Raises at once when the finish is a failure.
            finish_of(finish, called=False)
            self.odd_finish = self.odd_finish or odd(finish, KNOWN_FINISHES)
            choice.finish = finish

    def _read_part(self, choice: _Choice, item: _Object, events: list[Event]) -> None:
        call = known(item.get("functionCall"), CALL)
        if isinstance(call, dict) and (
            call.keys() & {"willContinue", "partialArgs"}
            or (choice.growing is not None and not call.get("name"))
        ):
            self._grow(choice, item, call, events)
            return
        self._end_growing(choice, events)
        part = decode_part(item, "parts")
        if isinstance(part, Text):
            self._say(choice, "text", part.text, events)
            if signature := own_fields(part.extra, FORMAT).get("thoughtSignature"):
                self._sign_text(choice, signature, events)
        elif isinstance(part, Reasoning):
            self._think(choice, part, events)
        elif isinstance(part, ToolCall):
            self._call(choice, part, events)
        else:
            self._pass_whole(choice, part, events)

    def _say(self, choice: _Choice, kind: PartKind, text: str, events: list[Event]) -> None:
        if not text:
            return
        self._go_on(choice, kind, events)
        text = self._pairs.join(choice.open, text)
        if text:
            events.append(_DELTAS[kind](key=choice.open, text=text, choice=choice.index))
            if kind == "text":
                choice.texts.setdefault(choice.open, []).append(text)

    def _think(self, choice: _Choice, part: Reasoning, events: list[Event]) -> None:
        self._say(choice, "reasoning", part.text, events)
        if part.signature:
            self._go_on(choice, "reasoning", events)
            self._sign(choice, choice.open, part.signature, events)
            # What is signed is complete.
            self._close(choice, events)

    def _sign_text(self, choice: _Choice, signature: Any, events: list[Event]) -> None:
        """Sign the open text, or an empty one: the last event may hold a signature alone."""
        if choice.open and choice.kind == "text":
            self._sign(choice, choice.open, signature, events)
        else:
            signed = Text(text="", extra={FORMAT: {"thoughtSignature": signature}})
            self._pass_whole(choice, signed, events, "text")

    def _sign(self, choice: _Choice, key: str, signature: str, events: list[Event]) -> None:
        events.append(
            SignatureDelta(key=key, signature=signature, made_by=FORMAT, choice=choice.index)
        )

    def _call(self, choice: _Choice, part: ToolCall, events: list[Event]) -> None:
        self._close(choice, events)
        call_id = part.id
        if not call_id or call_id in choice.calls:
            call_id = missing_id(self._id, choice.index, len(choice.calls), part.name)
        check_room(choice.calls)
        choice.calls.add(call_id)
        key = choice.new_key()
        events.append(
            PartStarted(
                key=key,
                kind="tool_call",
                choice=choice.index,
                id=call_id,
                name=self._names.get(part.name, part.name),
                extra=part.extra,
            )
        )
        if part.arguments:
            events.append(ArgumentsDelta(key=key, text=part.arguments, choice=choice.index))
        if part.signature:
            self._sign(choice, key, part.signature, events)
        events.append(PartEnded(key=key, choice=choice.index))

    def _grow(self, choice: _Choice, item: _Object, said: _Object, events: list[Event]) -> None:
        if said.get("name"):
            self._end_growing(choice, events)
        if choice.growing is None:
            pure = {k: v for k, v in said.items() if k not in ("partialArgs", "willContinue")}
            part = decode_part({**item, "functionCall": pure}, "parts")
            call = part if isinstance(part, ToolCall) else ToolCall(id="", name="")
            choice.growing = _Growing(call)
        choice.growing.arguments.add(said.get("partialArgs"))
        if not said.get("willContinue"):
            self._end_growing(choice, events)

    def _end_growing(self, choice: _Choice, events: list[Event]) -> None:
        growing, choice.growing = choice.growing, None
        if growing is not None:
            call = growing.call
            arguments = compact(growing.arguments.value)
            whole = ToolCall(
                id=call.id, name=call.name, arguments=arguments, signature=call.signature
            )
            self._call(choice, whole, events)

    def _pass_whole(
        self, choice: _Choice, part: AnyPart, events: list[Event], kind: PartKind = "opaque"
    ) -> None:
        self._close(choice, events)
        key = choice.new_key()
        events.append(PartStarted(key=key, kind=kind, choice=choice.index, whole=part))
        events.append(PartEnded(key=key, choice=choice.index))

    def _go_on(self, choice: _Choice, kind: PartKind, events: list[Event]) -> None:
        """Make sure that a part of this kind is open."""
        if choice.open and choice.kind == kind:
            return
        self._close(choice, events)
        choice.open, choice.kind = choice.new_key(), kind
        made = Reasoning(made_by=FORMAT) if kind == "reasoning" else None
        events.append(PartStarted(key=choice.open, kind=kind, choice=choice.index, whole=made))

    def _close(self, choice: _Choice, events: list[Event]) -> None:
        key, choice.open = choice.open, ""
        if not key:
            return
        if rest := self._pairs.end(key):
            events.append(_DELTAS[choice.kind](key=key, text=rest, choice=choice.index))
        events.append(PartEnded(key=key, choice=choice.index))

    def _cite(self, choice: _Choice, events: list[Event]) -> None:
        keys, texts = list(choice.texts), list(map("".join, choice.texts.values()))
        events += [
            CitationAdded(key=keys[text], format=FORMAT, value=value, choice=choice.index)
            for text, value in read_citations(choice.extra, texts)
        ]

    def _finish(self, events: list[Event]) -> None:
        for choice in self._choices.values():
            self._end_growing(choice, events)
            self._cite(choice, events)
            self._close(choice, events)
            reason, native = finish_of(choice.finish, called=bool(choice.calls))
            events.append(
                Finished(
                    reason=reason,
                    native=native,
                    choice=choice.index,
                    extra={FORMAT: choice.extra},
                )
            )
        if not self._choices:
            events.append(
                Finished(
                    reason="content_filter",
                    native=self._blocked,
                    extra=with_layout({}, FORMAT, BLOCKED),
                )
            )


def is_whole(document: bytes) -> bool:
    """Whether a final event without its delimiter is complete enough to be used."""
    return isinstance(loose(document), dict | list)


def not_gemini() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream is not a stream of answers.")
