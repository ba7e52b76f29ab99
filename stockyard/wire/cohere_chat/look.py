"""Watch a forwarded stream for usage, the finish and errors."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.wire.cohere_chat.response import FAILED_FINISHES, FINISHES, failed_finish
from stockyard.wire.cohere_chat.stream_errors import error_of, not_cohere
from stockyard.wire.cohere_chat.usage import read_usage
from stockyard.wire.finishes import odd
from stockyard.wire.look import NamedEventsLook
from stockyard.wire.sse import ParsedBlock
from stockyard.wire.surrogates import loose


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


# How an event begins that cannot say more than that the stream goes on. The service writes the
# type first; any other spelling is decoded.
_DULL = b'event: content-delta\ndata: {"type":"content-delta",'

_COMMITS = frozenset({"tool-call-start", "citation-start"})


class CohereLook(NamedEventsLook[_Event]):
    decoder = msgspec.json.Decoder(_Event)
    not_ours = staticmethod(not_cohere)
    is_name = staticmethod(str.isascii)

    def __init__(self, *, native: bool) -> None:
        super().__init__(native=native)
        self.usage: Usage | None = None

    @property
    def complete(self) -> bool:
        return bool(self.finish)

    def _pass(self, block: bytes, /) -> bytes:
        if self.content and block.startswith(_DULL) and block.count(b"\n") == 3:
            return self._unless_late(block)
        return super()._pass(block)

    def _end_mark(self, block: bytes) -> bytes:
        """`[DONE]` follows the last event and does not replace it."""
        return self._end_with(block) if self.finish else super()._end_mark(block)

    def _see(self, event: _Event, heard: ParsedBlock, block: bytes) -> bytes:
        kind, delta = event.type, event.delta
        if kind is None and (event.error or event.message):
            raise error_of(loose(heard.data or b""))
        passed = self._unless_late(block)
        if kind == "message-end" and delta is not None:
            self._see_ending(delta)
        elif kind in _COMMITS:
            self.content = True
        elif delta is not None and delta.message is not None:
            self._see_message(delta.message)
        return passed

    def _unless_late(self, block: bytes) -> bytes:
        """After its last event nothing of an answer goes out, though its end mark is still to
        come."""
        return b"" if self.finish and not self._native else self._kept(block)

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
        # This format reports an error inside a stream in no other way.
        if finish is not None and finish in FAILED_FINISHES:
            raise failed_finish(finish, delta.error if isinstance(delta.error, str) else "")
        self.content = True
        self.finish = self.finish or finish or "COMPLETE"
        self.odd_finish = odd(self.finish, {*FINISHES, *FAILED_FINISHES})
