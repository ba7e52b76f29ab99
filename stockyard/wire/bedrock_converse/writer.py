"""Write Events as a stream of the format. Blocks may grow side by side here, so nothing waits but
the end, which other formats tell before the usage."""

from typing import Any, ClassVar

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    Finished,
    PartEnded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from stockyard.core.messages import Image, Opaque, Reasoning
from stockyard.core.money import Usage
from stockyard.wire import eventstream
from stockyard.wire.argument_pieces import ArgumentPieces
from stockyard.wire.bedrock_converse.errors import failed_stream
from stockyard.wire.bedrock_converse.media import write_image
from stockyard.wire.bedrock_converse.names import ACCEPTED_ID, FORMAT, ID_PREFIX, STOP_REASONS
from stockyard.wire.bedrock_converse.own_blocks import pieces_of
from stockyard.wire.bedrock_converse.response import metrics
from stockyard.wire.bedrock_converse.usage import write_usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.drops import Drops
from stockyard.wire.surrogates import encode
from stockyard.wire.tool_ids import Ids
from stockyard.wire.writer import ByEvent, Writer, summary_in

_Object = dict[str, Any]


class ConverseWriter(Writer):
    def __init__(self, pen: Pen) -> None:
        super().__init__()
        self._pen = pen
        self._ids = Ids(ACCEPTED_ID, ID_PREFIX)
        self._begun = False
        self._indexes: dict[str, int] = {}
        """Numbers of the blocks that were begun, by the keys of their parts."""
        self._closed: set[str] = set()
        self._arguments: dict[str, ArgumentPieces] = {}
        self._refused = False
        self._finish: Finished | None = None
        self._usage: Usage | None = None

    def end(self, comment: bytes = b"") -> bytes:
        for key in self._indexes:
            self._close(key)
        reason = STOP_REASONS.of_stream(self._finish, refused=self._refused)
        self._say("messageStop", {"stopReason": reason})
        usage = self._usage or Usage(in_fresh=self._pen.input_estimate())
        self._say("metadata", {"usage": write_usage(usage), **metrics(self._pen)})
        return self._taken()

    def fail(self, fault: Fault) -> bytes:
        return self._taken() + failed_stream(fault)

    def _started(self, _: Started) -> None:
        self._begin()

    def _part_started(self, event: PartStarted) -> None:
        if event.kind == "tool_call" and event.kind_of_tool != "server":
            call = {"toolUseId": self._ids.call(event.id or ""), "name": event.name or ""}
            start = {"contentBlockIndex": self._index(event.key), "start": {"toolUse": call}}
            self._say("contentBlockStart", start)
            self._arguments[event.key] = ArgumentPieces(event)
        elif (
            isinstance(event.whole, Reasoning)
            and event.whole.redacted is not None
            and event.whole.made_by == FORMAT
        ):
            self._grow(event.key, {"reasoningContent": {"redactedContent": event.whole.redacted}})
        elif isinstance(event.whole, Opaque) and event.whole.format == FORMAT:
            self._block(event.key, event.whole.value)
        elif isinstance(event.whole, Image):
            self._block(event.key, write_image(event.whole, Drops(FORMAT)))
        else:
            self._thinking(ReasoningDelta(key=event.key, text=summary_in(event)))

    def _block(self, key: str, block: _Object | None) -> None:
        """Write a block that came whole. None is one that this format cannot express."""
        if block is None:
            return
        start, deltas = pieces_of(block)
        self._say("contentBlockStart", {"contentBlockIndex": self._index(key), "start": start})
        for delta in deltas:
            self._grow(key, delta)

    def _part_ended(self, event: PartEnded) -> None:
        self._close(event.key)

    def _text(self, event: TextDelta | RefusalDelta) -> None:
        if event.text:
            self._grow(event.key, {"text": event.text})

    def _refusal(self, event: RefusalDelta) -> None:
        self._refused = True
        self._text(event)

    def _thinking(self, event: ReasoningDelta) -> None:
        if event.text:
            self._grow(event.key, {"reasoningContent": {"text": event.text}})

    def _signature(self, event: SignatureDelta) -> None:
        # Another format's signature is meaningless here and must not come back as ours.
        if event.made_by == FORMAT:
            self._grow(event.key, {"reasoningContent": {"signature": event.signature}})

    def _argued(self, event: ArgumentsDelta) -> None:
        if (arguments := self._arguments.get(event.key)) is not None:
            self._argue(event.key, arguments.add(event.text))

    def _cited(self, event: CitationAdded) -> None:
        if event.format == FORMAT:
            self._grow(event.key, {"citation": event.value})

    def _usage_seen(self, event: UsageSeen) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished) -> None:
        self._finish = self._finish or event

    def _argue(self, key: str, text: str) -> None:
        if text:
            self._grow(key, {"toolUse": {"input": text}})

    def _grow(self, key: str, delta: _Object) -> None:
        if key not in self._closed:
            index = self._index(key)
            self._say("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})

    def _index(self, key: str) -> int:
        return self._indexes.setdefault(key, len(self._indexes))

    def _close(self, key: str) -> None:
        if key in self._indexes and key not in self._closed:
            if (arguments := self._arguments.pop(key, None)) is not None:
                self._argue(key, arguments.rest())
            self._closed.add(key)
            self._say("contentBlockStop", {"contentBlockIndex": self._indexes[key]})

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._put("messageStart", {"role": "assistant"})

    def _say(self, name: str, event: _Object) -> None:
        self._begin()
        self._put(name, event)

    def _put(self, name: str, event: _Object) -> None:
        self._out.append(eventstream.event(name, encode(event)))

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        PartStarted: _part_started,
        TextDelta: _text,
        RefusalDelta: _refusal,
        ReasoningDelta: _thinking,
        ArgumentsDelta: _argued,
        SignatureDelta: _signature,
        CitationAdded: _cited,
        PartEnded: _part_ended,
        UsageSeen: _usage_seen,
        Finished: _finished,
    }
