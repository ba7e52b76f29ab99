"""Read a stream: content, plan, calls and citations that start, grow and end, into Events.

The event's type is taken from its data; the `event:` line only repeats it. Contents, calls and
citations are numbered each on their own. A call stands alone where a whole answer has a list.
"""

from typing import Any, ClassVar

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Finished,
    PartEnded,
    PartKind,
    PartStarted,
    ReasoningDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Reasoning
from stockyard.wire.arguments import compact
from stockyard.wire.cohere_chat.messages import PLAN
from stockyard.wire.cohere_chat.parts import FORMAT
from stockyard.wire.cohere_chat.response import FINISHES, finish_of
from stockyard.wire.cohere_chat.stream_errors import error_of, not_cohere, tells_error
from stockyard.wire.cohere_chat.usage import read_usage
from stockyard.wire.finishes import odd
from stockyard.wire.layout import with_layout
from stockyard.wire.reader import ByType, NamedEventsReader
from stockyard.wire.tool_ids import missing_id
from stockyard.wire.width import check_room

_Object = dict[str, Any]
_Slot = tuple[str, Any]
"""What is numbered, and its number."""

_PLAN: _Slot = ("plan", None)
_THINKING = "thinking"
_STARTED_FIELDS = frozenset({"id", "type", "delta"})


class _Part:
    __slots__ = ("key", "kind")

    def __init__(self, key: str, kind: PartKind) -> None:
        self.key = key
        self.kind = kind


class CohereReader(NamedEventsReader):
    tells_error = staticmethod(tells_error)
    error_of = staticmethod(error_of)
    not_ours = staticmethod(not_cohere)

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[_Slot, _Part] = {}
        self._texts: dict[Any, str] = {}
        """Number of a content -> key of its text part, also after its end: for citations."""
        self._made = 0
        self._calls: set[str] = set()
        self._id = ""
        self._started = False

    @property
    def complete(self) -> bool:
        return self._done

    def _message_start(self, event: _Object, events: list[Event]) -> None:
        if self._started:
            return
        self._started = True
        self._id = _word(event.get("id"))
        extra = {k: v for k, v in event.items() if k not in _STARTED_FIELDS}
        events.append(Started(id=self._id, extra={FORMAT: extra} if extra else {}))

    def _content_start(self, event: _Object, events: list[Event]) -> None:
        content = _message_of(event).get("content") or {}
        slot = ("content", event.get("index"))
        self._end_part(slot, events)
        self._end_part(_PLAN, events)
        thinks = content.get("type") == _THINKING
        part = self._start_part(slot, "reasoning" if thinks else "text", events)
        if not thinks:
            check_room(self._texts)
            self._texts[slot[1]] = part.key
        self._say(part, content.get(_THINKING) if thinks else content.get("text"), events)

    def _content_delta(self, event: _Object, events: list[Event]) -> None:
        slot = ("content", event.get("index"))
        content = _message_of(event).get("content") or {}
        field = _THINKING if content.get(_THINKING) else "text"
        part = self._open.get(slot)
        if content.get(field) and (part is None or (part.kind == "text") is not (field == "text")):
            # It was not begun, or as one of the other kind.
            opening = {"delta": {"message": {"content": {"type": field}}}}
            self._content_start({**opening, "index": slot[1]}, events)
            part = self._open[slot]
        if part is not None:
            self._say(part, content.get(field), events)

    def _content_end(self, event: _Object, events: list[Event]) -> None:
        self._end_part(("content", event.get("index")), events)

    def _tool_plan_delta(self, event: _Object, events: list[Event]) -> None:
        part = self._open.get(_PLAN)
        if part is None:
            whole = Reasoning(extra=with_layout({}, FORMAT, PLAN))
            part = self._start_part(_PLAN, "reasoning", events, whole=whole)
        self._say(part, _message_of(event).get(PLAN), events)

    def _call_start(self, event: _Object, events: list[Event]) -> None:
        slot = ("call", event.get("index"))
        self._end_part(slot, events)
        self._end_part(_PLAN, events)
        call = _call_of(event)
        function = call.get("function") or {}
        name, call_id = _word(function.get("name")), _word(call.get("id"))
        if not call_id or call_id in self._calls:
            call_id = missing_id(self._id, 0, len(self._calls), name)
        check_room(self._calls)
        self._calls.add(call_id)
        part = self._start_part(slot, "tool_call", events, id=call_id, name=name)
        self._add_arguments(part, function.get("arguments"), events)

    def _call_delta(self, event: _Object, events: list[Event]) -> None:
        part = self._open.get(("call", event.get("index")))
        if part is not None:
            function = _call_of(event).get("function") or {}
            self._add_arguments(part, function.get("arguments"), events)

    def _call_end(self, event: _Object, events: list[Event]) -> None:
        self._end_part(("call", event.get("index")), events)

    def _citation_start(self, event: _Object, events: list[Event]) -> None:
        citation = _message_of(event).get("citations")
        for value in citation if isinstance(citation, list) else [citation]:
            place = value.get("content_index") if isinstance(value, dict) else None
            latest = next(reversed(self._texts.values()), None)
            key = self._texts.get(place, latest) if place is not None else latest
            if key is not None and isinstance(value, dict):
                events.append(CitationAdded(key=key, format=FORMAT, value=value))

    def _message_end(self, event: _Object, events: list[Event]) -> None:
        delta = event.get("delta") or {}
        usage, why = delta.get("usage"), delta.get("error")
        if isinstance(usage, dict) and (read := read_usage(usage)) is not None:
            events.append(UsageSeen(usage=read))
        finish = delta.get("finish_reason")
        reason, native = finish_of(
            None if finish is None else str(finish),
            called=bool(self._calls),
            why=why if isinstance(why, str) else "",
        )
        self.odd_finish = odd(finish, FINISHES)
        for slot in list(self._open):
            self._end_part(slot, events)
        self._done = True
        events.append(Finished(reason=reason, native=native, extra={FORMAT: {}}))

    def _start_part(
        self, slot: _Slot, kind: PartKind, events: list[Event], **said_of_it: Any
    ) -> _Part:
        check_room(self._open)
        self._made += 1
        part = self._open[slot] = _Part(f"0.{self._made}", kind)
        events.append(PartStarted(key=part.key, kind=kind, **said_of_it))
        return part

    def _say(self, part: _Part, text: Any, events: list[Event]) -> None:
        if text and (text := self._pairs.join(part.key, text)):
            events.append(_DELTAS[part.kind](key=part.key, text=text))

    def _add_arguments(self, part: _Part, arguments: Any, events: list[Event]) -> None:
        if arguments is not None and not isinstance(arguments, str):
            arguments = compact(arguments)
        self._say(part, arguments, events)

    def _end_part(self, slot: _Slot, events: list[Event]) -> None:
        part = self._open.pop(slot, None)
        if part is None:
            return
        if rest := self._pairs.end(part.key):
            events.append(_DELTAS[part.kind](key=part.key, text=rest))
        events.append(PartEnded(key=part.key))

    by_type: ClassVar[ByType] = {
        "message-start": _message_start,
        "content-start": _content_start,
        "content-delta": _content_delta,
        "content-end": _content_end,
        "tool-plan-delta": _tool_plan_delta,
        "tool-call-start": _call_start,
        "tool-call-delta": _call_delta,
        "tool-call-end": _call_end,
        "citation-start": _citation_start,
        "message-end": _message_end,
    }


_DELTAS: dict[str, Any] = {
    "text": TextDelta,
    "reasoning": ReasoningDelta,
    "tool_call": ArgumentsDelta,
}


def _word(value: Any) -> str:
    """A name or an id; empty where there is none."""
    return value if isinstance(value, str) else ""


def _message_of(event: _Object) -> _Object:
    message: _Object = (event.get("delta") or {}).get("message") or {}
    return message


def _call_of(event: _Object) -> _Object:
    """The call of an event; alone as a rule, in a list of one in some older streams."""
    call: Any = _message_of(event).get("tool_calls") or {}
    found: _Object = call[0] if isinstance(call, list) else call
    return found
