"""Write Events as a Messages stream.

Only one block is open at a time, and a closed block stays closed. Text may go on in a new block; a
tool call may not, so what belongs to another part waits until the call has ended (`wire.md` 4.4).
The finish waits for the usage, which other formats send after it.
"""

from typing import Any, ClassVar

from stockyard.core.events import (
    ArgumentsDelta,
    CitationAdded,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
)
from stockyard.core.messages import Opaque, Part, Reasoning
from stockyard.wire.anthropic_messages.blocks import FORMAT, cites_here
from stockyard.wire.anthropic_messages.errors import failed_stream
from stockyard.wire.anthropic_messages.response import MESSAGE_PREFIX, STOP_REASONS
from stockyard.wire.anthropic_messages.turns import ACCEPTED_ID, ID_PREFIX
from stockyard.wire.anthropic_messages.usage import write_usage
from stockyard.wire.argument_pieces import ArgumentPieces
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.layout import own_fields
from stockyard.wire.surrogates import encode
from stockyard.wire.tool_ids import Ids
from stockyard.wire.writer import ByEvent, SerialWriter, summary_in

STOP_EVENT = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n'
)
_BLOCK_STOP = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'

_EMPTY_BLOCKS = {
    "text": b'{"type":"text","text":""}',
    "refusal": b'{"type":"text","text":""}',
    "reasoning": b'{"type":"thinking","thinking":"","signature":""}',
}


class MessagesWriter(SerialWriter):
    terminator = STOP_EVENT

    def __init__(self, pen: Pen) -> None:
        super().__init__(pen)
        self._ids = Ids(ACCEPTED_ID, ID_PREFIX)
        self._opening: Started | None = None
        self._index = -1
        self._arguments: ArgumentPieces | None = None
        """Those of the open call."""
        self._refused = False

    def fail(self, fault: Fault) -> bytes:
        return self._taken() + failed_stream(fault)

    def _note_start(self, event: Started) -> None:
        self._opening = event

    def _part_started(self, event: PartStarted) -> None:
        self._parts[event.key] = event
        if event.kind == "tool_call" and event.kind_of_tool != "server":
            block = {
                **own_fields(event.whole.extra if event.whole else event.extra, FORMAT),
                "type": "tool_use",
                "id": self._ids.call(event.id or ""),
                "name": event.name or "",
                "input": {},
            }
            self._start(event, encode(block))
            self._arguments = ArgumentPieces(event)
        elif (block_whole := _whole_block(event.whole)) is not None:
            self._start(event, encode(block_whole))
        else:
            self._thinking(ReasoningDelta(key=event.key, text=summary_in(event)))

    def _text(self, event: TextDelta | RefusalDelta) -> None:
        if event.text and self._reopened(event.key):
            self._delta(b'{"type":"text_delta","text":%b}' % encode(event.text))

    def _refusal(self, event: RefusalDelta) -> None:
        self._refused = True
        self._text(event)

    def _thinking(self, event: ReasoningDelta) -> None:
        if event.text and self._reopened(event.key):
            self._delta(b'{"type":"thinking_delta","thinking":%b}' % encode(event.text))

    def _argued(self, event: ArgumentsDelta) -> None:
        if self._arguments is not None and self._is_open(event.key):
            self._argue(self._arguments.add(event.text))

    def _signature(self, event: SignatureDelta) -> None:
        # Another format's signature is meaningless here and must not come back as ours.
        if event.made_by == FORMAT and self._reopened(event.key):
            signature = encode(event.signature)
            self._delta(b'{"type":"signature_delta","signature":%b}' % signature)

    def _cited(self, event: CitationAdded) -> None:
        # An answer that was unfolded names no format.
        ours = event.format == FORMAT or (not event.format and cites_here(event.value))
        if ours and self._reopened(event.key):
            self._delta(encode({"type": "citations_delta", "citation": event.value}))

    def _reopened(self, key: str) -> bool:
        """Make this part's block the open one. Text and thinking may go on in a new block."""
        if self._is_open(key):
            return True
        part = self._parts.get(key)
        empty = _EMPTY_BLOCKS.get(part.kind) if part else None
        if part is None or empty is None:
            return False
        self._start(part, empty)
        return True

    def _start(self, part: PartStarted, block: bytes) -> None:
        self._begin()
        self._close()
        self._index += 1
        self._open = part
        self._out.append(
            b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,'
            b'"content_block":%b}\n\n' % (self._index, block)
        )

    def _delta(self, delta: bytes) -> None:
        self._out.append(_DELTA % (self._index, delta))

    def _close(self) -> None:
        if self._open is None:
            return
        self._open = None
        if self._arguments is not None:
            self._argue(self._arguments.rest())
            self._arguments = None
        self._out.append(_BLOCK_STOP % self._index)

    def _argue(self, text: str) -> None:
        if text:
            self._delta(b'{"type":"input_json_delta","partial_json":%b}' % encode(text))

    def _write_start(self) -> None:
        known = self._opening.usage if self._opening is not None else None
        # Clients display these at once, so an estimate is better than 0.
        usage = write_usage(known) if known else {"input_tokens": self._pen.input_estimate()}
        name = self._pen.id
        message: dict[str, Any] = {
            "id": name if name.startswith(MESSAGE_PREFIX) else MESSAGE_PREFIX + name,
            "type": "message",
            "role": "assistant",
            "model": self._pen.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**usage, "output_tokens": 1},
        }
        start = encode({"type": "message_start", "message": message})
        self._out.append(b"event: message_start\ndata: " + start + b"\n\n")

    def _write_ending(self) -> None:
        finish = self._finish
        own = finish.extra.get(FORMAT, {}) if finish else {}
        reason = STOP_REASONS.of_stream(finish, refused=self._refused)
        known = self._usage or (self._opening.usage if self._opening else None)
        usage = write_usage(known) if known else {"output_tokens": 0}
        delta = {"stop_reason": reason, "stop_sequence": None, **own}
        ending = encode({"type": "message_delta", "delta": delta, "usage": usage})
        self._out.append(b"event: message_delta\ndata: " + ending + b"\n\n")

    by_event: ClassVar[ByEvent] = {
        **SerialWriter.by_event,
        PartStarted: _part_started,
        TextDelta: _text,
        RefusalDelta: _refusal,
        ReasoningDelta: _thinking,
        ArgumentsDelta: _argued,
        SignatureDelta: _signature,
        CitationAdded: _cited,
    }


def _whole_block(part: Part | None) -> dict[str, Any] | None:
    """The value of a block that is sent whole, because only this format has it."""
    if isinstance(part, Opaque) and part.format == FORMAT:
        return dict(part.value)
    if isinstance(part, Reasoning) and part.redacted is not None and part.made_by == FORMAT:
        return {"type": "redacted_thinking", "data": part.redacted}
    return None
