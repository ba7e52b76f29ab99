"""Look on while a stream is forwarded as it came."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.cohere_chat.response import FAILED_FINISHES, failed_finish
from stockyard.wire.cohere_chat.stream import DONE, error_of, is_whole, not_cohere
from stockyard.wire.cohere_chat.usage import read_usage
from stockyard.wire.halves import decode_event
from stockyard.wire.sse import Blocks, Said, clean, said


class _Content(Struct, gc=False):
    text: Any = None
    thinking: Any = None


class _Message(Struct, gc=False):
    content: _Content | list[msgspec.Raw] | None = None
    tool_plan: Any = None


class _Delta(Struct, gc=False):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: Any = None
    error: Any = None


class _Event(Struct, gc=False):
    type: str | None = None
    delta: _Delta | None = None
    error: Any = None
    message: Any = None


_event = msgspec.json.Decoder(_Event).decode

# How an event begins that cannot say more than that the stream goes on. The service writes the
# type first; any other spelling is decoded.
_DULL = b'event: content-delta\ndata: {"type":"content-delta",'

_COMMITS = frozenset({"tool-call-start", "citation-start"})


class CohereLook:
    def __init__(self, *, native: bool) -> None:
        self._native = native
        self._blocks = Blocks()
        self._done = False
        self.usage: Usage | None = None
        self.content = False
        self.terminator = b""
        self.finish = ""
        self.model = ""
        self.before_error = b""

    @property
    def complete(self) -> bool:
        return bool(self.finish)

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
        if heard.data == DONE:
            if self._native or not self._done:
                self.terminator += block
            self._done = True
            return b""
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
        kind, delta = event.type, event.delta
        if kind is None and (event.error or event.message):
            raise error_of(_loose(data))
        if kind == "message-end" and delta is not None:
            self._see_ending(delta)
        elif kind in _COMMITS:
            self.content = True
        elif delta is not None and delta.message is not None:
            self._see_message(delta.message)
        return self._kept(block)

    def _see_message(self, message: _Message) -> None:
        content = message.content
        if message.tool_plan or (
            isinstance(content, _Content) and (content.text or content.thinking)
        ):
            self.content = True

    def _see_ending(self, delta: _Delta) -> None:
        if isinstance(delta.usage, dict):
            self.usage = read_usage(delta.usage) or self.usage
        finish = delta.finish_reason
        if finish is not None and finish in FAILED_FINISHES and not self._native:
            raise failed_finish(finish, delta.error if isinstance(delta.error, str) else "")
        self.content = True
        self.finish = self.finish or finish or "COMPLETE"

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
        raise not_cohere()

    def _kept(self, block: bytes) -> bytes:
        """After the terminator nothing goes out; on native routes the bytes follow it."""
        if not self._done:
            return block
        if self._native:
            self.terminator += block
        return b""


def _named(name: bytes, data: bytes) -> Said:
    """The event with its name, which clients may look at and some servers leave out."""
    if not name:
        value = _loose(data)
        kind = value.get("type") if isinstance(value, dict) else None
        name = kind.encode() if isinstance(kind, str) and kind.isascii() else b""
    return Said(name, data)


def _loose(data: bytes) -> Any:
    try:
        return decode_event(data)
    except (ValueError, RecursionError):
        return None
