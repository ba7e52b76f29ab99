"""Look on while a Messages stream is forwarded as it came."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.anthropic_messages.stream import error_of, is_whole, not_messages
from stockyard.wire.anthropic_messages.usage import read_usage, usage_at_start
from stockyard.wire.halves import decode_event
from stockyard.wire.sse import Blocks, Said, clean, said
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


_event = msgspec.json.Decoder(_Event).decode

# Openings of events that cannot say more than that the stream goes on. The service writes the
# type first; any other spelling is decoded.
_DULL = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta",',
    b'event: content_block_stop\ndata: {"type":"content_block_stop",',
)


class MessagesLook:
    def __init__(self, *, native: bool) -> None:
        self._native = native
        self._blocks = Blocks()
        self._usage_said: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._stopped = False
        self.content = False
        self.terminator = b""
        self.finish = ""
        self.model = ""
        self.before_error = b""

    @property
    def usage(self) -> Usage | None:
        if self._usage is None and self._usage_said:
            self._usage = read_usage(self._usage_said)
        return self._usage

    @property
    def complete(self) -> bool:
        return self._stopped or bool(self.finish)

    def feed(self, data: bytes) -> bytes:
        passed: list[bytes] = []
        blocks = self._blocks.feed(data)
        try:
            for block in blocks:
                if self.content and block.startswith(_DULL) and block.count(b"\n") == 3:
                    passed.append(block)
                else:
                    passed.append(self._pass(block))
        except UpstreamError:
            self.before_error = b"".join(passed)
            raise
        return passed[0] if len(passed) == 1 else b"".join(passed)

    def end(self) -> bytes:
        rest = self._blocks.rest()
        if self._native and not rest.strip():
            return self._kept(rest)
        if not rest.strip() or not is_whole(rest):
            return b""
        return self._pass(rest if self._native else rest.rstrip(b"\r\n") + b"\n\n")

    def tell_usage(self, usage: Usage) -> bytes:
        return b""

    def _pass(self, block: bytes) -> bytes:
        heard = said(block)
        if heard.data == b"[DONE]":
            # Clients of this format stumble over an end mark of another.
            return self._kept(block) if self._native else b""
        if not self._native and heard.data and (not heard.plain or not heard.name):
            return self._see(heard.data, clean(_named(heard.name, heard.data), named=True))
        if not self._native and not heard.plain:
            return b""
        if heard.data:
            return self._see(heard.data, block)
        return self._kept(block if self._native or heard.data is None else b"")

    def _see(self, data: bytes, block: bytes) -> bytes:
        try:
            event = _event(data)
        except (ValueError, RecursionError):
            if (odd := self._odd(data)) is None:
                return self._kept(block)
            event = odd
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
            if self._native or not self._stopped:
                self.terminator += block
            self._stopped = True
            return b""
        elif kind == "error" or (kind is None and event.error):
            raise error_of(_loose(data))
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

    def _note_usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage_said = merged(self._usage_said, usage)
            self._usage = None

    def _odd(self, data: bytes) -> _Event | None:
        """An event that the quick look cannot read: half characters, or no event at all."""
        value = _loose(data)
        if isinstance(value, dict):
            try:
                return msgspec.convert(value, _Event)
            except msgspec.ValidationError:
                value = None
        if self._native:
            return None
        raise not_messages()

    def _kept(self, block: bytes) -> bytes:
        """After the terminator nothing goes out; on native routes the bytes follow it."""
        if not self._stopped:
            return block
        if self._native:
            self.terminator += block
        return b""


def _named(name: bytes, data: bytes) -> Said:
    """The event with its name, which clients need and some servers leave out."""
    if not name:
        value = _loose(data)
        kind = value.get("type") if isinstance(value, dict) else None
        name = kind.encode() if isinstance(kind, str) and kind.isidentifier() else b""
    return Said(name, data)


def _loose(data: bytes) -> Any:
    try:
        return decode_event(data)
    except (ValueError, RecursionError):
        return None
