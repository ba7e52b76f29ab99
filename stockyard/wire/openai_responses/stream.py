"""Read a Responses stream: items that open, grow and close, into Events.

The event's type is taken from its data; some servers leave the `event:` line out. An item that only
this format knows, or whose pieces never came, is passed on whole when it is done.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

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
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Extra, Reasoning
from stockyard.wire.codec import Traits
from stockyard.wire.fields import Fields
from stockyard.wire.finishes import odd
from stockyard.wire.openai_responses.calls import Names, decode_call
from stockyard.wire.openai_responses.parts import FORMAT, remember
from stockyard.wire.openai_responses.reasoning import GAP, readable_pieces, unsealed
from stockyard.wire.openai_responses.response import KNOWN_REASONS, finish_of, reason_of
from stockyard.wire.openai_responses.stream_errors import error_of, not_responses, tells_error
from stockyard.wire.openai_responses.turn import CALLS, decode_other
from stockyard.wire.openai_responses.usage import read_usage
from stockyard.wire.reader import ByType, NamedEventsReader
from stockyard.wire.tool_names import NO_NAMES
from stockyard.wire.width import check_room

_Object = dict[str, Any]

_HEAD_FIELDS = frozenset(
    {"id", "object", "created_at", "model", "output", "usage", "status", "error"}
    | {"incomplete_details", "service_tier", "completed_at"}
)


class _Item:
    """An output item while it is open."""

    __slots__ = ("call", "gap", "key", "kind", "parts", "spoken", "value")

    def __init__(self, value: _Object, key: str) -> None:
        self.value = value
        self.kind = value.get("type")
        self.key = key
        self.spoken = False
        """Whether any of it was streamed."""
        self.gap = False
        """The next piece of reasoning needs a separator."""
        self.parts: dict[Any, _Part] = {}
        """Content parts of a message, by their index."""


class _Part:
    __slots__ = ("annotated", "cited_at_end", "key", "kind", "open", "spoken")

    def __init__(self, key: str, kind: str) -> None:
        self.key = key
        self.kind = kind
        self.open = True
        self.spoken = False
        self.annotated = 0
        """How many of its annotations are told."""
        self.cited_at_end = False
        """All of them are, by the part when it was done."""


class ResponsesReader(NamedEventsReader):
    tells_error = staticmethod(tells_error)
    error_of = staticmethod(error_of)
    not_ours = staticmethod(not_responses)

    def __init__(self, *, traits: Traits, names: Mapping[str, str] = NO_NAMES) -> None:
        """`names`: derived tool names -> the names the client uses."""
        super().__init__()
        self._traits = traits
        self._names = names
        self._items: dict[Any, _Item] = {}
        self._seen: set[Any] = set()
        self._made = 0
        self._called = False
        self._started = False
        self._tools = Names()
        """The tools that the request declared, as the answer repeats them."""

    @property
    def complete(self) -> bool:
        return self._done

    # The answer.

    def _start(self, event: _Object, events: list[Event]) -> None:
        if self._started:
            return
        self._started = True
        response = event.get("response") or {}
        self._tools = Names(response.get("tools"))
        created, name = response.get("created_at"), response.get("id")
        extra = {key: value for key, value in response.items() if key not in _HEAD_FIELDS}
        events.append(
            Started(
                id=name if isinstance(name, str) else "",
                model=response.get("model") or "",
                created=int(created) if isinstance(created, int | float) else 0,
                service_tier=response.get("service_tier"),
                extra={FORMAT: extra} if extra else {},
            )
        )

    def _finish(self, event: _Object, events: list[Event]) -> None:
        self._start(event, events)
        response = event["response"]
        if not self._seen:
            # Some servers stream no items and tell them at the end.
            for index, item in enumerate(response.get("output") or ()):
                self._item_done({"output_index": index, "item": item}, events)
        for index, open_item in list(self._items.items()):
            self._item_done({"output_index": index, "item": open_item.value}, events)
        usage = response.get("usage")
        if isinstance(usage, dict) and (read := read_usage(usage, self._traits)) is not None:
            events.append(UsageSeen(usage=read))
        reason = reason_of(response.get("incomplete_details"), response.get("status"))
        self.odd_finish = odd(reason, KNOWN_REASONS)
        events.append(
            Finished(reason=finish_of(reason, called=self._called), native=reason or None)
        )
        self._done = True

    # Items.

    def _item_added(self, event: _Object, events: list[Event]) -> None:
        index, value = event.get("output_index"), event["item"]
        check_room(self._seen)
        self._seen.add(index)
        item = self._items[index] = _Item(value, self._new_key())
        if self._tools.of_provider(value):
            item.kind = None
        if item.kind in CALLS:
            self._start_call(item, events)

    def _start_call(self, item: _Item, events: list[Event]) -> None:
        self._called = True
        call = decode_call(Fields(item.value, "item"), answer=True)
        events.append(
            PartStarted(
                key=item.key,
                kind="tool_call",
                id=call.id,
                name=self._names.get(call.name, call.name),
                kind_of_tool=call.kind,
                extra=call.extra,
            )
        )

    def _item_done(self, event: _Object, events: list[Event]) -> None:
        index, value = event.get("output_index"), event["item"]
        if index not in self._items:
            if index in self._seen:
                return
            self._item_added(event, events)
        item = self._items.pop(index)
        if item.kind == "message":
            self._end_message(item, value, events)
        elif item.kind == "reasoning":
            self._end_reasoning(item, value, events)
        elif item.kind in CALLS:
            self._end_call(item, value, events)
        else:
            whole = decode_other(value, answer=True)
            events.append(PartStarted(key=item.key, kind="opaque", whole=whole))
            events.append(PartEnded(key=item.key))

    # Messages.

    def _part_added(self, event: _Object, events: list[Event]) -> None:
        kind = event["part"].get("type")
        if kind in _CONTENT:
            self._part(event, kind, events)
        elif kind == "reasoning_text":
            self._piece_added(event, events)

    def _part(self, event: _Object, kind: str, events: list[Event]) -> _Part | None:
        item = self._items.get(event.get("output_index"))
        if item is None:
            return None
        return self._open_part(item, event.get("content_index"), kind, events)

    def _open_part(self, item: _Item, index: Any, kind: str, events: list[Event]) -> _Part:
        part = item.parts.get(index)
        if part is None or part.kind != kind:
            check_room(item.parts)
            extra: Extra = {}
            if not item.parts:
                own = {k: v for k, v in item.value.items() if k not in ("role", "content")}
                extra = remember({}, item=own)
            part = item.parts[index] = _Part(self._new_key(), kind)
            started: PartKind = "text" if kind == "output_text" else "refusal"
            events.append(PartStarted(key=part.key, kind=started, extra=extra))
        return part

    def _text_delta(self, event: _Object, events: list[Event]) -> None:
        part = self._part(event, "output_text", events)
        if part is None:
            return
        if logprobs := event.get("logprobs"):
            events.append(LogprobsAdded(value={"content": logprobs}))
        self._say(part, event.get("delta"), events)

    def _refusal_delta(self, event: _Object, events: list[Event]) -> None:
        part = self._part(event, "refusal", events)
        if part is not None:
            self._say(part, event.get("delta"), events)

    def _say(self, part: _Part, text: Any, events: list[Event]) -> None:
        if text and (text := self._pairs.join(part.key, text)):
            part.spoken = True
            events.append(_CONTENT[part.kind](key=part.key, text=text))

    def _annotated(self, event: _Object, events: list[Event]) -> None:
        part = self._part(event, "output_text", events)
        if part is not None and not part.cited_at_end:
            self._annotate(part, event.get("annotation"), events)

    def _annotate(self, part: _Part, value: Any, events: list[Event]) -> None:
        part.annotated += 1
        events.append(CitationAdded(key=part.key, format=FORMAT, value=value))

    def _part_done(self, event: _Object, events: list[Event]) -> None:
        item = self._items.get(event.get("output_index"))
        part = item.parts.get(event.get("content_index")) if item is not None else None
        if part is not None:
            self._end_part(part, event.get("part") or {}, events)

    def _end_part(self, part: _Part, value: _Object, events: list[Event]) -> None:
        if not part.open:
            return
        part.open = False
        if not part.spoken:
            self._say(part, value.get("text") or value.get("refusal"), events)
        if rest := self._pairs.end(part.key):
            events.append(_CONTENT[part.kind](key=part.key, text=rest))
        for annotation in (value.get("annotations") or ())[part.annotated :]:
            part.cited_at_end = True
            self._annotate(part, annotation, events)
        events.append(PartEnded(key=part.key))

    def _end_message(self, item: _Item, value: _Object, events: list[Event]) -> None:
        told_parts = [p for p in value.get("content") or () if isinstance(p, dict)]
        if not item.parts:
            for index, content in enumerate(told_parts):
                if (kind := content.get("type")) in _CONTENT:
                    self._open_part(item, index, str(kind), events)
        indexed = dict(enumerate(told_parts))
        for index, part in item.parts.items():
            self._end_part(part, indexed.get(index, {}), events)

    # Reasoning.

    def _piece_added(self, event: _Object, _: list[Event]) -> None:
        item = self._items.get(event.get("output_index"))
        if item is not None:
            item.gap = item.spoken

    def _reasoning_delta(self, event: _Object, events: list[Event]) -> None:
        item, text = self._items.get(event.get("output_index")), event.get("delta")
        if item is not None and item.kind == "reasoning" and text:
            self._reason(item, text, events)

    def _reason(self, item: _Item, text: str, events: list[Event]) -> None:
        text = self._pairs.join(item.key, text)
        if text:
            if not item.spoken:
                extra = remember({}, own=_lasting(item.value))
                events.append(PartStarted(key=item.key, kind="reasoning", extra=extra))
            text = GAP + text if item.gap else text
            item.gap, item.spoken = False, True
            events.append(ReasoningDelta(key=item.key, text=text))

    def _end_reasoning(self, item: _Item, value: _Object, events: list[Event]) -> None:
        if not item.spoken:
            text = GAP.join(text for _, text in readable_pieces(value))
            if text:
                self._reason(item, text, events)
        if rest := self._pairs.end(item.key):
            events.append(ReasoningDelta(key=item.key, text=rest))
        sealed = value.get("encrypted_content")
        part = unsealed(sealed) if isinstance(sealed, str) else Reasoning()
        if item.spoken:
            if part.signature is not None:
                signed = SignatureDelta(
                    key=item.key, signature=part.signature, made_by=part.made_by
                )
                events.append(signed)
            events.append(PartEnded(key=item.key))
        else:
            part = replace(part, extra=remember({}, own=_lasting(value)))
        if part != Reasoning() and not (item.spoken and part.signature is not None):
            key = self._new_key()
            events.append(PartStarted(key=key, kind="reasoning", whole=part))
            events.append(PartEnded(key=key))

    # Calls.

    def _arguments_delta(self, event: _Object, events: list[Event]) -> None:
        item = self._items.get(event.get("output_index"))
        if item is not None and item.kind in CALLS:
            self._argue(item, event.get("delta"), events)

    def _argue(self, item: _Item, text: Any, events: list[Event]) -> None:
        if text and (text := self._pairs.join(item.key, text)):
            item.spoken = True
            events.append(ArgumentsDelta(key=item.key, text=text))

    def _end_call(self, item: _Item, value: _Object, events: list[Event]) -> None:
        if not item.spoken:
            self._argue(item, value.get("arguments") or value.get("input"), events)
        if rest := self._pairs.end(item.key):
            events.append(ArgumentsDelta(key=item.key, text=rest))
        events.append(PartEnded(key=item.key))

    def _new_key(self) -> str:
        self._made += 1
        return f"0.{self._made}"

    by_type: ClassVar[ByType] = {
        "response.created": _start,
        "response.output_item.added": _item_added,
        "response.output_item.done": _item_done,
        "response.content_part.added": _part_added,
        "response.content_part.done": _part_done,
        "response.output_text.delta": _text_delta,
        "response.output_text.annotation.added": _annotated,
        "response.refusal.delta": _refusal_delta,
        "response.reasoning_part.added": _piece_added,
        "response.reasoning_summary_part.added": _piece_added,
        "response.reasoning_summary_text.delta": _reasoning_delta,
        "response.reasoning_text.delta": _reasoning_delta,
        "response.function_call_arguments.delta": _arguments_delta,
        "response.custom_tool_call_input.delta": _arguments_delta,
        "response.completed": _finish,
        "response.incomplete": _finish,
    }


def _lasting(value: _Object) -> _Object:
    """The fields of a reasoning item that its parts do not hold."""
    parts = ("type", "summary", "content", "encrypted_content", "status")
    return {name: field for name, field in value.items() if name not in parts}


_CONTENT: dict[Any, Any] = {"output_text": TextDelta, "refusal": RefusalDelta}
