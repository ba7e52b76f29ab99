"""Read a Messages stream: blocks that open, grow and close, into Events.

The event's type is taken from its data; the `event:` line only repeats it. Blocks that do not
stream (sealed thinking, results of server tools) arrive whole in their start; blocks that only
this format knows are collected and passed on when they close.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    Event,
    Finished,
    OpaqueEvent,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Opaque, Reasoning
from stockyard.wire.anthropic_messages.blocks import FORMAT, decode_block
from stockyard.wire.anthropic_messages.response import FINISHES, finish_of
from stockyard.wire.anthropic_messages.stream_errors import error_of, not_messages, tells_error
from stockyard.wire.anthropic_messages.usage import read_usage, usage_at_start
from stockyard.wire.finishes import odd
from stockyard.wire.reader import ByType, NamedEventsReader
from stockyard.wire.surrogates import decode_event
from stockyard.wire.tool_names import NO_NAMES
from stockyard.wire.usage import merged
from stockyard.wire.width import check_room

_Object = dict[str, Any]

_ENDING_FIELDS = ("stop_sequence", "stop_details")
_MESSAGE_FIELDS = frozenset(
    {"id", "type", "role", "model", "content", "stop_reason", "usage", *_ENDING_FIELDS}
)


class _Block:
    """A content block while it is open."""

    __slots__ = ("key", "kind", "pieces", "texts", "value")

    def __init__(self, key: str, kind: str, value: _Object) -> None:
        self.key = key
        self.kind = kind
        self.value = value
        self.pieces: list[str] = []
        """JSON of a block that only this format knows, collected until it closes."""
        self.texts: dict[str, list[str]] = {}
        """Those of its fields that grow."""

    def grow(self, delta: _Object) -> None:
        """Merge a delta into a block that only this format has: strings are appended, the rest
        replaced."""
        check_room(self.value)
        for name, piece in delta.items():
            if name == "type":
                continue
            if isinstance(self.value.get(name), str) and isinstance(piece, str):
                self.texts.setdefault(name, [self.value[name]]).append(piece)
            else:
                self.value[name] = piece
                self.texts.pop(name, None)

    def whole(self) -> _Object:
        return {**self.value, **{name: "".join(texts) for name, texts in self.texts.items()}}


class MessagesReader(NamedEventsReader):
    tells_error = staticmethod(tells_error)
    error_of = staticmethod(error_of)
    not_ours = staticmethod(not_messages)

    def __init__(self, names: Mapping[str, str] = NO_NAMES) -> None:
        """`names`: derived tool names -> the names the client uses."""
        super().__init__()
        self._names = names
        self._open: dict[Any, _Block] = {}
        self._made = 0
        self._called = False
        self._usage_said: _Object = {}
        self._started = False
        self._finished = False

    @property
    def complete(self) -> bool:
        return self._done or self._finished

    def _message_start(self, event: _Object, events: list[Event]) -> None:
        if self._started:
            return
        self._started = True
        message = event["message"]
        usage = message.get("usage")
        self._usage_said = usage_at_start(usage)
        extra = {k: v for k, v in message.items() if k not in _MESSAGE_FIELDS}
        events.append(
            Started(
                id=message.get("id") or "",
                model=message.get("model") or "",
                usage=read_usage(self._usage_said),
                extra={FORMAT: extra} if extra else {},
            )
        )
        for i, block in enumerate(message.get("content") or ()):
            # Not seen from the service itself, but some compatible servers start with content.
            self._block_start({"index": f"start {i}", "content_block": block}, events)
            self._block_stop({"index": f"start {i}"}, events)

    def _block_start(self, event: _Object, events: list[Event]) -> None:
        value, index = event["content_block"], event.get("index")
        if index in self._open:
            self._block_stop({"index": index}, events)
        check_room(self._open)
        kind = value["type"]
        self._made += 1
        block = self._open[index] = _Block(f"0.{self._made}", kind, value)
        if kind == "text":
            events.append(PartStarted(key=block.key, kind="text"))
            self._say(block, TextDelta, value.get("text"), events)
            events += [
                CitationAdded(key=block.key, format=FORMAT, value=citation)
                for citation in value.get("citations") or ()
            ]
        elif kind == "thinking":
            events.append(PartStarted(key=block.key, kind="reasoning", signed_by=FORMAT))
            self._say(block, ReasoningDelta, value.get("thinking"), events)
            self._sign(block, value.get("signature"), events)
        elif kind == "redacted_thinking":
            whole = Reasoning(redacted=value.get("data") or "", made_by=FORMAT)
            events.append(PartStarted(key=block.key, kind="reasoning", whole=whole))
        elif kind == "tool_use":
            self._start_call(block, value, events)

    def _start_call(self, block: _Block, value: _Object, events: list[Event]) -> None:
        self._called = True
        known = ("type", "id", "name", "input")
        extra = {k: v for k, v in value.items() if k not in known}
        events.append(
            PartStarted(
                key=block.key,
                kind="tool_call",
                id=value["id"],
                name=self._names.get(value["name"], value["name"]),
                extra={FORMAT: extra} if extra else {},
            )
        )
        if given := value.get("input"):
            # Whole arguments in the start; the service itself always sends {} there.
            text = msgspec.json.encode(given).decode()
            events.append(ArgumentsDelta(key=block.key, text=text))

    def _block_delta(self, event: _Object, events: list[Event]) -> None:
        index, delta = event.get("index"), event["delta"]
        kind = delta.get("type")
        wanted, block = _OPENED_BY.get(kind), self._open.get(index)
        if wanted is not None and (block is None or block.kind == _OTHER[wanted]):
            # Some servers open no block, or one of another kind than they go on with.
            self._block_start({"index": index, "content_block": {"type": wanted}}, events)
            block = self._open[index]
        if block is None:
            return
        if kind == "text_delta":
            self._say(block, TextDelta, delta.get("text"), events)
        elif kind == "input_json_delta":
            piece = delta.get("partial_json") or ""
            if block.kind == "tool_use":
                self._say(block, ArgumentsDelta, piece, events)
            else:
                block.pieces.append(piece)
        elif kind == "thinking_delta":
            self._say(block, ReasoningDelta, delta.get("thinking"), events)
        elif kind == "signature_delta":
            self._sign(block, delta.get("signature"), events)
        elif kind == "citations_delta":
            events.append(CitationAdded(key=block.key, format=FORMAT, value=delta.get("citation")))
        elif block.kind not in _STREAMED:
            block.grow(delta)
        else:
            events.append(OpaqueEvent(format=FORMAT, value=delta, name=kind))

    def _block_stop(self, event: _Object, events: list[Event]) -> None:
        block = self._open.pop(event.get("index"), None)
        if block is None:
            return
        if block.kind not in _STREAMED:
            self._pass_whole(block, events)
        elif rest := self._pairs.end(block.key):
            events.append(_REST[block.kind](key=block.key, text=rest))
        events.append(PartEnded(key=block.key))

    def _pass_whole(self, block: _Block, events: list[Event]) -> None:
        """A block that only this format knows, complete with the input that came in pieces."""
        value = block.whole()
        if block.pieces and (text := "".join(block.pieces)):
            value["input"] = _input(text)
        whole = decode_block(value, "content_block")
        if not isinstance(whole, Opaque):
            whole = Opaque(format=FORMAT, value=value)
        events.append(PartStarted(key=block.key, kind="opaque", whole=whole))

    def _message_delta(self, event: _Object, events: list[Event]) -> None:
        usage = event.get("usage")
        if isinstance(usage, dict):
            self._usage_said = merged(self._usage_said, usage)
            if (read := read_usage(self._usage_said)) is not None:
                events.append(UsageSeen(usage=read))
        delta = event.get("delta") or {}
        native = delta.get("stop_reason")
        if native is None or self._finished:
            return
        self._end_all(events)
        self._finished = True
        self.odd_finish = odd(native, FINISHES)
        reason, word = finish_of(native, called=self._called)
        ending = {name: delta[name] for name in _ENDING_FIELDS if delta.get(name) is not None}
        events.append(Finished(reason=reason, native=word, extra={FORMAT: ending}))

    def _message_stop(self, _: _Object, events: list[Event]) -> None:
        self._end_all(events)
        self._done = True

    def _say(self, block: _Block, delta: Any, text: Any, events: list[Event]) -> None:
        if text and (text := self._pairs.join(block.key, text)):
            events.append(delta(key=block.key, text=text))

    def _sign(self, block: _Block, signature: Any, events: list[Event]) -> None:
        if signature:
            events.append(SignatureDelta(key=block.key, signature=signature, made_by=FORMAT))

    def _end_all(self, events: list[Event]) -> None:
        for index in list(self._open):
            self._block_stop({"index": index}, events)

    by_type: ClassVar[ByType] = {
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
    }


_OPENED_BY: dict[Any, str] = {"text_delta": "text", "thinking_delta": "thinking"}
_OTHER = {"text": "thinking", "thinking": "text"}
_STREAMED = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_REST: dict[str, Any] = {"text": TextDelta, "thinking": ReasoningDelta, "tool_use": ArgumentsDelta}


def _input(text: str) -> Any:
    """What a tool of the provider was asked; its text, where the answer broke off in it."""
    try:
        return decode_event(text.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return {"_raw": text}
