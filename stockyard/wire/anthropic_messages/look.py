"""Watch a forwarded Messages stream for usage, the finish and errors."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.wire.anthropic_messages.response import FINISHES
from stockyard.wire.anthropic_messages.stream_errors import error_of, not_messages
from stockyard.wire.anthropic_messages.usage import read_usage, usage_at_start
from stockyard.wire.finishes import odd
from stockyard.wire.look import NamedEventsLook
from stockyard.wire.sse import ParsedBlock
from stockyard.wire.surrogates import loose
from stockyard.wire.usage import merged


class _Message(Struct, gc=False):
    model: Any = None
    usage: Any = None


class _Delta(Struct, gc=False):
    text: Any = None
    thinking: Any = None
    partial_json: Any = None
    citation: Any = None
    stop_reason: Any = None


class _Block(Struct, gc=False):
    type: Any = None
    text: Any = None
    thinking: Any = None


class _Event(Struct, gc=False):
    type: Any = None
    message: _Message | None = None
    delta: _Delta | None = None
    content_block: _Block | None = None
    usage: Any = None
    error: Any = None


# Openings of events that cannot say more than that the stream goes on. The service writes the
# type first; any other spelling is decoded.
_DULL = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta",',
    b'event: content_block_stop\ndata: {"type":"content_block_stop",',
)


class MessagesLook(NamedEventsLook[_Event]):
    decoder = msgspec.json.Decoder(_Event)
    not_ours = staticmethod(not_messages)

    def __init__(self, *, native: bool) -> None:
        super().__init__(native=native)
        self._usage_said: dict[str, Any] = {}
        self._usage: Usage | None = None

    @property
    def usage(self) -> Usage | None:
        if self._usage is None and self._usage_said:
            self._usage = read_usage(self._usage_said)
        return self._usage

    @property
    def complete(self) -> bool:
        return self._done or bool(self.finish)

    def _pass(self, block: bytes, /) -> bytes:
        if self.content and block.startswith(_DULL) and block.count(b"\n") == 3:
            return self._kept(block)
        return super()._pass(block)

    def _see(self, event: _Event, heard: ParsedBlock, block: bytes) -> bytes:
        kind = event.type
        if kind == "content_block_delta":
            self._see_delta(event.delta)
        elif kind == "content_block_start":
            self._see_start(event.content_block)
        elif kind == "message_delta":
            self._see_ending(event)
        elif kind == "message_start" and event.message is not None:
            self._note_usage(usage_at_start(event.message.usage))
            if isinstance(event.message.model, str):
                self.model = event.message.model
        elif kind == "message_stop":
            return self._end_with(block)
        elif kind == "error" or (kind is None and event.error):
            raise error_of(loose(heard.data or b""))
        return self._kept(block)

    def _see_delta(self, delta: _Delta | None) -> None:
        if delta is not None and (
            delta.text or delta.thinking or delta.partial_json or delta.citation
        ):
            self.content = True

    def _see_start(self, block: _Block | None) -> None:
        if block is not None and (block.type not in ("text", "thinking") or block.text):
            self.content = True

    def _see_ending(self, event: _Event) -> None:
        self._note_usage(event.usage)
        if event.delta is not None and event.delta.stop_reason is not None:
            self.content = True
            self.finish = self.finish or str(event.delta.stop_reason)
            self.odd_finish = odd(self.finish, FINISHES)

    def _note_usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage_said = merged(self._usage_said, usage)
            self._usage = None
