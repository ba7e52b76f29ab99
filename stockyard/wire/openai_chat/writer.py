"""Write Events as a chat stream.

The SDKs concatenate whatever they are sent: id and name of a call go out once, its arguments are
only appended, indexes are dense from 0 (`wire.md` 4.1). Id, creation time and model are ours and
the same in every chunk.
"""

from typing import Any, ClassVar

from msgspec.structs import replace

from stockyard.core.events import (
    ArgumentsDelta,
    AudioDelta,
    CitationAdded,
    Finished,
    LogprobsAdded,
    OpaqueEvent,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Reasoning
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.free_text import as_input
from stockyard.wire.layout import own_fields
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.openai_chat.parts import FORMAT
from stockyard.wire.openai_chat.pictures import PICTURES, drawn
from stockyard.wire.openai_chat.reasoning import READABLE, detail
from stockyard.wire.openai_chat.response import CITED, ID_PREFIX, cited, own_finish, with_prefix
from stockyard.wire.openai_chat.tools import calls_as_functions, takers_of_text
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.surrogates import encode
from stockyard.wire.usage import write_chat_usage
from stockyard.wire.writer import ByEvent, Writer, summary_in


class _Call:
    __slots__ = ("custom", "held", "index", "written")

    def __init__(self, index: int, *, custom: bool, held: bool) -> None:
        self.index = index
        self.custom = custom
        self.held: list[str] | None = [] if held else None
        """What has come of its arguments, in which the text of a custom call is; written when it
        ends."""
        self.written = False


class _Thought:
    """One piece of reasoning. It goes back together with its signature.

    Of one that is known to be signed, each piece is told as a detail as well, and the signature
    alone at the end, as OpenRouter does. Of any other one the text is kept until then.
    """

    __slots__ = ("_told", "index", "seed", "signature", "text")

    def __init__(self, seed: Reasoning, index: int | None) -> None:
        self.seed = seed
        self.index = index
        """Its index in `reasoning_details`, if its deltas are sent there."""
        self.text: list[str] = []
        self.signature: tuple[str, str | None] | None = None
        self._told = False

    def detail(self, part: Reasoning, index: int) -> dict[str, Any]:
        """A piece of it. What all pieces have in common is said once: official accumulators put
        any two texts of one name together."""
        entry = {"index": index, **detail(part, index)}
        if self._told:
            entry = {name: entry[name] for name in _OF_PIECES if name in entry}
        self._told = True
        return entry


class ChatWriter(Writer):
    all_choices = True

    def __init__(self, pen: Pen) -> None:
        super().__init__()
        self._pen = pen
        self._head = b'data: {"id":%b,"object":"chat.completion.chunk","created":%d,"model":%b,' % (
            encode(with_prefix(pen.id, ID_PREFIX)),
            pen.created,
            encode(pen.model),
        )
        # With include_usage every chunk before the last one says `usage: null`.
        self._tail = b',"usage":null}\n\n' if pen.wants_usage else b"}\n\n"
        self._begun: set[int] = set()
        self._takers_of_text = takers_of_text(pen.asked)
        self._as_functions = calls_as_functions(pen.asked)
        """Calls go out in the form before tools, which has room for one."""
        self._calls: dict[str, _Call] = {}
        self._called: dict[int, int] = {}
        self._thoughts: dict[str, _Thought] = {}
        self._details = 0
        self._pictures = 0
        self._noted: dict[int, dict[str, list[Any]]] = {}
        """What each choice cites. Official accumulators take a list without indexes once only, so
        all is told in one piece before the finish, as OpenAI does."""
        self._logprobs: dict[int, bytes] = {}
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        for choice in list(self._noted):
            self._tell_noted(choice)
        for choice in list(self._logprobs):
            self._delta(choice, b"{}")
        if self._pen.wants_usage and self._usage is not None:
            usage = encode(write_chat_usage(self._usage))
            self._out.append(self._head + b'"choices":[],"usage":' + usage + b"}\n\n")
        return self._taken() + comment + DONE_EVENT

    def fail(self, fault: Fault) -> bytes:
        return self._taken() + failed_stream(fault)

    def _delta(self, choice: int, delta: bytes, finish: bytes = b"null", more: bytes = b"") -> None:
        if choice not in self._begun:
            self._begun.add(choice)
            self._delta(choice, b'{"role":"assistant","content":""}')
        logprobs = self._logprobs.pop(choice, b"null") if self._logprobs else b"null"
        self._out.append(
            b'%b"choices":[{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b%b}]%b'
            % (self._head, choice, delta, logprobs, finish, more, self._tail)
        )

    def _started(self, said: Started) -> None:
        if self._begun:
            return
        self._begun.add(0)
        own = own_fields(said.extra, FORMAT)
        lasting = {name: own.pop(name) for name in _IN_EACH_CHUNK & own.keys()}
        if said.service_tier is not None:
            lasting["service_tier"] = said.service_tier
        self._head += _members(lasting)
        head, self._head = self._head, self._head + _members(own)
        self._delta(0, b'{"role":"assistant","content":""}')
        self._head = head

    def _text(self, event: TextDelta) -> None:
        if event.text:
            self._delta(event.choice, b'{"content":%b}' % encode(event.text))

    def _refusal(self, event: RefusalDelta) -> None:
        if event.text:
            self._delta(event.choice, b'{"refusal":%b}' % encode(event.text))

    def _reasoning(self, event: ReasoningDelta) -> None:
        if not event.text:
            return
        thought = self._thoughts.get(event.key)
        if thought is not None and thought.index is not None:
            entry = thought.detail(replace(thought.seed, text=event.text), thought.index)
            told = {self._pen.reasoning_field: event.text, "reasoning_details": [entry]}
            self._delta(event.choice, encode(told))
            return
        if thought is not None:
            thought.text.append(event.text)
        field = encode(self._pen.reasoning_field)
        self._delta(event.choice, b"{%b:%b}" % (field, encode(event.text)))

    def _signature(self, event: SignatureDelta) -> None:
        call = self._calls.get(event.key)
        if call is not None and self._as_functions:
            return  # a function's call has no place for it
        if call is not None:
            signed = {"google": {"thought_signature": event.signature}}
            # SDK helpers insist on the inner object in every delta of a call.
            said = {"custom": {"input": ""}} if call.custom else {"function": {"arguments": ""}}
            self._call_delta(event.choice, {"index": call.index, **said, "extra_content": signed})
        elif (thought := self._thoughts.get(event.key)) is not None:
            thought.signature = (event.signature, event.made_by)

    def _part_started(self, event: PartStarted) -> None:
        if event.kind == "tool_call" and event.kind_of_tool != "server":
            self._open_call(event)
        elif event.kind == "reasoning":
            self._thoughts[event.key] = self._thought(event)
            said = summary_in(event)
            self._reasoning(ReasoningDelta(key=event.key, text=said, choice=event.choice))
        elif event.whole is not None:
            for picture in drawn((event.whole,)):
                self._delta(
                    event.choice, encode({PICTURES: [{**picture, "index": self._pictures}]})
                )
                self._pictures += 1

    def _thought(self, event: PartStarted) -> _Thought:
        seed = event.whole if isinstance(event.whole, Reasoning) else Reasoning()
        own = seed.extra.get(FORMAT, {})
        if event.signed_by is not None:
            seed = replace(seed, made_by=event.signed_by)
        elif own.get("type") not in READABLE:
            return _Thought(seed, None)
        self._details += 1
        return _Thought(seed, self._details - 1)

    def _open_call(self, event: PartStarted) -> None:
        index = self._called.get(event.choice, 0)
        self._called[event.choice] = index + 1
        held = event.kind_of_tool == "function" and event.name in self._takers_of_text
        custom = held or event.kind_of_tool == "custom"
        if self._as_functions:
            if index == 0:
                self._calls[event.key] = _Call(index, custom=False, held=False)
                function = {"name": event.name or "", "arguments": ""}
                self._delta(event.choice, encode({"function_call": function}))
            return
        self._calls[event.key] = _Call(index, custom=custom, held=held)
        inner: dict[str, Any] = {"name": event.name or "", "input" if custom else "arguments": ""}
        kind = "custom" if custom else "function"
        head = {"index": index, "id": event.id or "", "type": kind, kind: inner}
        self._call_delta(event.choice, head)

    def _arguments(self, event: ArgumentsDelta) -> None:
        call = self._calls.get(event.key)
        if call is None or not event.text:
            return
        if call.held is not None:
            call.held.append(event.text)
            return
        call.written = True
        if self._as_functions:
            self._delta(event.choice, b'{"function_call":{"arguments":%b}}' % encode(event.text))
            return
        field, inner = (b"custom", b"input") if call.custom else (b"function", b"arguments")
        self._delta(
            event.choice,
            b'{"tool_calls":[{"index":%d,"%b":{"%b":%b}}]}'
            % (call.index, field, inner, encode(event.text)),
        )

    def _part_ended(self, event: PartEnded) -> None:
        call = self._calls.get(event.key)
        if call is not None and call.held:
            text, call.held = as_input("".join(call.held)), None
            self._arguments(ArgumentsDelta(key=event.key, text=text, choice=event.choice))
        elif call is not None and not call.written and not call.custom:
            # A call without arguments: clients parse what they have, and "" is no JSON.
            self._arguments(ArgumentsDelta(key=event.key, text="{}", choice=event.choice))
        if (thought := self._thoughts.pop(event.key, None)) is not None:
            self._write_details(event.choice, thought)

    def _write_details(self, choice: int, thought: _Thought) -> None:
        """What reasoning that must come back as it is was sealed with."""
        seed, signed = thought.seed, thought.signature
        sealed = (seed.signature, seed.redacted, seed.encrypted)
        if signed is None and not any(sealed):
            return
        signature, made_by = signed or (seed.signature, None)
        text = seed.text + "".join(thought.text) if thought.index is None else ""
        part = Reasoning(
            text=text,
            signature=signature,
            redacted=seed.redacted,
            encrypted=seed.encrypted,
            made_by=made_by or seed.made_by,
            extra={FORMAT: seed.extra[FORMAT]} if FORMAT in seed.extra else {},
        )
        if thought.index is None:
            thought.index = self._details
            self._details += 1
        entry = thought.detail(part, thought.index)
        self._delta(choice, encode({"reasoning_details": [entry]}))

    def _audio(self, event: AudioDelta) -> None:
        self._delta(event.choice, encode({"audio": event.value}))

    def _citation(self, event: CitationAdded) -> None:
        notes = cited((event.value,))
        self._note(event.choice, _ANNOTATIONS if notes else CITED, notes or [event.value])

    def _opaque(self, event: OpaqueEvent) -> None:
        if event.format == FORMAT and event.name == _ANNOTATIONS and isinstance(event.value, list):
            self._note(0, _ANNOTATIONS, event.value)

    def _note(self, choice: int, field: str, notes: list[Any]) -> None:
        self._noted.setdefault(choice, {}).setdefault(field, []).extend(notes)

    def _tell_noted(self, choice: int) -> None:
        if self._noted and (noted := self._noted.pop(choice, None)):
            told = {field: _numbered(notes) for field, notes in noted.items()}
            self._delta(choice, encode(told))

    def _logprobs_added(self, event: LogprobsAdded) -> None:
        if not isinstance(event.value, dict):  # official accumulators know objects only
            return
        # They belong to the text that follows, and go out with it.
        if event.choice in self._logprobs:
            self._delta(event.choice, b"{}")
        self._logprobs[event.choice] = encode(event.value)

    def _usage_seen(self, event: UsageSeen) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished) -> None:
        self._tell_noted(event.choice)
        own = own_finish(event.reason, event.native, event.extra)
        more = b"," + encode(own)[1:-1] if own else b""
        legacy = self._as_functions and event.reason == "tool_calls"
        reason = "function_call" if legacy else event.reason
        self._delta(event.choice, b"{}", b'"%b"' % reason.encode(), more)

    def _call_delta(self, choice: int, call: dict[str, Any]) -> None:
        self._delta(choice, b'{"tool_calls":[%b]}' % encode(call))

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        PartStarted: _part_started,
        TextDelta: _text,
        ReasoningDelta: _reasoning,
        RefusalDelta: _refusal,
        ArgumentsDelta: _arguments,
        SignatureDelta: _signature,
        AudioDelta: _audio,
        CitationAdded: _citation,
        LogprobsAdded: _logprobs_added,
        OpaqueEvent: _opaque,
        PartEnded: _part_ended,
        UsageSeen: _usage_seen,
        Finished: _finished,
    }


_ANNOTATIONS = "annotations"
_OF_PIECES = ("type", "text", "summary", "signature", "index")
_IN_EACH_CHUNK = frozenset({"system_fingerprint"})
"""The answer's own fields that every chunk repeats; others are in the first only."""


def _numbered(notes: list[Any]) -> list[Any]:
    """Notes whose `index` is a place in the text get another: official accumulators take it for
    their place in the list, and put two of the same together."""
    if not any(isinstance(note, dict) and "index" in note for note in notes):
        return notes
    return [
        {**note, "index": i} if isinstance(note, dict) else note for i, note in enumerate(notes)
    ]


def _members(fields: dict[str, Any]) -> bytes:
    """Members for the beginning of a chunk."""
    told = ((name, value) for name, value in fields.items() if value is not None)
    return b"".join(b"%b:%b," % (encode(name), encode(value)) for name, value in told)
