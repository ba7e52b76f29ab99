"""Read a stream of the format: blocks that are told apart by their index, into Events.

What the services do, and is tolerated here: text and thinking begin without a start, several blocks
may grow at once, every event is padded with `p`, and the usage comes after the end of the answer.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Finished,
    OpaqueEvent,
    PartEnded,
    PartKind,
    PartStarted,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import AnyPart, Opaque, Reasoning
from stockyard.errors import UpstreamError
from stockyard.wire.bedrock_converse.blocks import OWN_CALL, decode_block
from stockyard.wire.bedrock_converse.errors import error_in_frame
from stockyard.wire.bedrock_converse.names import FINISHES, FORMAT
from stockyard.wire.bedrock_converse.own_blocks import whole_of
from stockyard.wire.bedrock_converse.response import finish_of
from stockyard.wire.bedrock_converse.usage import read_usage
from stockyard.wire.eventstream import Frame, Frames
from stockyard.wire.finishes import odd
from stockyard.wire.reader import ByType, Reader
from stockyard.wire.surrogates import decode_event
from stockyard.wire.tool_names import NO_NAMES
from stockyard.wire.width import check_room

_Object = dict[str, Any]

_DELTAS: dict[str, Any] = {
    "text": TextDelta,
    "reasoning": ReasoningDelta,
    "tool_call": ArgumentsDelta,
}


class _Block:
    """A content block while it is open."""

    __slots__ = ("deltas", "key", "kind", "start")

    def __init__(self, key: str, kind: PartKind) -> None:
        self.key = key
        self.kind = kind
        self.start: _Object = {}
        self.deltas: list[_Object] = []
        """Deltas of a block that only this format has: it becomes one part when it ends."""


class ConverseReader(Reader[Frame]):
    def __init__(self, names: Mapping[str, str] = NO_NAMES) -> None:
        super().__init__(Frames())
        self._names = names
        self._open: dict[Any, _Block] = {}
        self._made = 0
        self._called = False
        self._started = False
        self._finished = False

    @property
    def complete(self) -> bool:
        return self._finished

    def _read(self, frame: Frame, events: list[Event], /) -> None:
        if not frame.is_event:
            raise error_in_frame(frame)
        read = self.by_type.get(frame.event)
        try:
            if read is not None:
                read(self, decode_event(frame.payload), events)
        except (ValueError, RecursionError, TypeError, AttributeError, KeyError):
            raise not_converse() from None

    def _message_start(self, _: _Object, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            events.append(Started())

    def _block_start(self, event: _Object, events: list[Event]) -> None:
        index, start = event.get("contentBlockIndex"), event.get("start") or {}
        call = start.get("toolUse")
        if call is not None and call.get("type", OWN_CALL) == OWN_CALL:
            self._called = True
            block = self._new(index, "tool_call", events)
            extra = {k: v for k, v in call.items() if k not in ("toolUseId", "name")}
            events.append(
                PartStarted(
                    key=block.key,
                    kind="tool_call",
                    id=call["toolUseId"],
                    name=self._names.get(call["name"], call["name"]),
                    extra={FORMAT: extra} if extra else {},
                )
            )
        elif start:
            # Images, and results of tools that the provider runs itself.
            self._new(index, "opaque", events).start = start

    def _block_delta(self, event: _Object, events: list[Event]) -> None:
        index, delta = event.get("contentBlockIndex"), event["delta"]
        own = self._open.get(index)
        if own is not None and own.kind == "opaque":
            check_room(own.deltas)
            own.deltas.append(delta)
        elif "text" in delta:
            self._say(self._text(index, events), delta["text"], events)
        elif "toolUse" in delta:
            block = self._open.get(index)
            if block is not None and block.kind == "tool_call":
                self._say(block, delta["toolUse"].get("input"), events)
        elif "reasoningContent" in delta:
            self._think(index, delta["reasoningContent"], events)
        elif "citation" in delta:
            key, value = self._text(index, events).key, delta["citation"]
            events.append(CitationAdded(key=key, format=FORMAT, value=value))
        else:
            events.append(OpaqueEvent(format=FORMAT, value=delta, name="contentBlockDelta"))

    def _think(self, index: Any, said: _Object, events: list[Event]) -> None:
        if "redactedContent" in said:
            block = self._new(index, "reasoning", events)
            whole = Reasoning(redacted=said["redactedContent"], made_by=FORMAT)
            events.append(PartStarted(key=block.key, kind="reasoning", whole=whole))
            return
        block = self._part(index, "reasoning", events)
        self._say(block, said.get("text"), events)
        if signature := said.get("signature"):
            events.append(SignatureDelta(key=block.key, signature=signature, made_by=FORMAT))

    def _block_stop(self, event: _Object, events: list[Event]) -> None:
        self._close(event.get("contentBlockIndex"), events)

    def _message_stop(self, event: _Object, events: list[Event]) -> None:
        if self._finished:
            return
        for index in list(self._open):
            self._close(index, events)
        self.odd_finish = odd(event.get("stopReason"), FINISHES)
        reason, word = finish_of(event.get("stopReason"), called=self._called)
        self._finished = True
        events.append(Finished(reason=reason, native=word, extra={FORMAT: {}}))

    def _metadata(self, event: _Object, events: list[Event]) -> None:
        usage = event.get("usage")
        read = read_usage(usage) if isinstance(usage, dict) else None
        if read is not None:
            events.append(UsageSeen(usage=read))

    def _text(self, index: Any, events: list[Event]) -> _Block:
        return self._part(index, "text", events)

    def _part(self, index: Any, kind: PartKind, events: list[Event]) -> _Block:
        """The open block of this index and kind. It begins with its first piece."""
        block = self._open.get(index)
        if block is None or block.kind != kind:
            block = self._new(index, kind, events)
            signed_by = FORMAT if kind == "reasoning" else None
            events.append(PartStarted(key=block.key, kind=kind, signed_by=signed_by))
        return block

    def _new(self, index: Any, kind: PartKind, events: list[Event]) -> _Block:
        self._close(index, events)
        check_room(self._open)
        self._made += 1
        block = self._open[index] = _Block(f"0.{self._made}", kind)
        return block

    def _say(self, block: _Block, text: Any, events: list[Event]) -> None:
        if text and (text := self._pairs.join(block.key, text)):
            events.append(_DELTAS[block.kind](key=block.key, text=text))

    def _close(self, index: Any, events: list[Event]) -> None:
        block = self._open.pop(index, None)
        if block is None:
            return
        if rest := self._pairs.end(block.key):
            events.append(_DELTAS[block.kind](key=block.key, text=rest))
        if block.kind == "opaque":
            whole = _whole(whole_of(block.start, block.deltas))
            events.append(PartStarted(key=block.key, kind="opaque", whole=whole))
        events.append(PartEnded(key=block.key))

    by_type: ClassVar[ByType] = {
        "messageStart": _message_start,
        "contentBlockStart": _block_start,
        "contentBlockDelta": _block_delta,
        "contentBlockStop": _block_stop,
        "messageStop": _message_stop,
        "metadata": _metadata,
    }


def _whole(block: _Object) -> AnyPart:
    """Images exist in other formats, too; results of the provider's own tools do not."""
    if "image" in block:
        return decode_block(block, "content")
    return Opaque(format=FORMAT, value=block)


def not_converse() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's stream has an event that cannot be read.")
