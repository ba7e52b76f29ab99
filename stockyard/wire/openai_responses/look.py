"""Look on while a Responses stream is forwarded as it came."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.errors import UpstreamError
from stockyard.wire.codec import Traits
from stockyard.wire.halves import decode_event
from stockyard.wire.openai_responses.response import reason_of
from stockyard.wire.openai_responses.stream import error_of, is_whole, not_responses, tells_error
from stockyard.wire.openai_responses.turn import CALLS
from stockyard.wire.openai_responses.usage import read_usage
from stockyard.wire.sse import Blocks, Said, clean, said


class _Response(Struct, gc=False):
    model: Any = None
    status: Any = None
    usage: Any = None
    incomplete_details: Any = None


class _Item(Struct, gc=False):
    type: Any = None


class _Event(Struct, gc=False):
    type: Any = None
    delta: Any = None
    item: _Item | None = None
    response: _Response | None = None
    error: Any = None


_event = msgspec.json.Decoder(_Event).decode

# A delta cannot say more than that the stream goes on. The service writes the type first; any
# other spelling is decoded.
_DELTAS = tuple(
    b'event: response.%b.delta\ndata: {"type":"response.%b.delta",' % (kind, kind)
    for kind in (
        b"output_text",
        b"function_call_arguments",
        b"reasoning_summary_text",
        b"reasoning_text",
        b"custom_tool_call_input",
        b"refusal",
    )
)
_ENDS = frozenset({"response.completed", "response.incomplete"})
_PIECES = frozenset({"response.image_generation_call.partial_image"})


class ResponsesLook:
    def __init__(self, *, traits: Traits, native: bool) -> None:
        self._traits = traits
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
        return self._done

    def feed(self, data: bytes) -> bytes:
        passed: list[bytes] = []
        try:
            for block in self._blocks.feed(data):
                passed.append(self._pass(block))  # noqa: PERF401  kept when one raises
        except UpstreamError:
            self.before_error = b"".join(passed)
            raise
        return b"".join(passed)

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
        if self.content and block.startswith(_DELTAS) and block.count(b"\n") == 3:
            return self._kept(block)
        heard = said(block)
        if heard.data == b"[DONE]":
            # The format has no such end; one provider of it sends it all the same.
            return self._kept(block) if self._native else b""
        if not self._native and heard.data and (not heard.plain or not heard.name):
            return self._see(heard, clean(_named(heard), named=True))
        if not self._native and not heard.plain:
            return b""
        if heard.data:
            return self._see(heard, block)
        return self._kept(block if self._native or heard.data is None else b"")

    def _see(self, heard: Said, block: bytes) -> bytes:
        data = heard.data or b""
        try:
            event = _event(data)
        except (ValueError, RecursionError):
            if (odd := self._odd(data)) is None:
                return self._kept(block)
            event = odd
        kind = event.type
        if self._done:
            return self._kept(block)
        if heard.name == b"error" or kind in _FAILURES or (kind is None and event.error):
            raise error_of(_loose(data))
        if kind in _ENDS:
            self._end_with(event, block)
            return b""
        if kind == "response.created" and event.response is not None:
            self.model = event.response.model if isinstance(event.response.model, str) else ""
        elif kind == "response.output_item.added":
            self.content = self.content or (event.item is not None and event.item.type in CALLS)
        elif event.delta or kind in _PIECES:
            self.content = True
        return self._kept(block)

    def _end_with(self, event: _Event, block: bytes) -> None:
        self._done = self.content = True
        self.terminator += block
        response = event.response or _Response()
        reason = reason_of(response.incomplete_details)
        self.finish = reason or str(response.status or "completed")
        if isinstance(response.usage, dict):
            self.usage = read_usage(response.usage, self._traits)
        if not self.model and isinstance(response.model, str):
            self.model = response.model

    def _odd(self, data: bytes) -> _Event | None:
        """An event that the quick look cannot read: half characters, or no event at all."""
        value = _loose(data)
        if isinstance(value, dict):
            if tells_error(value):
                return _Event(type="error")
            try:
                return msgspec.convert(value, _Event)
            except msgspec.ValidationError:
                value = None
        if self._native:
            return None
        raise not_responses()

    def _kept(self, block: bytes) -> bytes:
        """After the terminator nothing goes out; on native routes the bytes follow it."""
        if not self._done:
            return block
        if self._native:
            self.terminator += block
        return b""


_FAILURES = frozenset({"error", "response.failed"})


def _named(heard: Said) -> Said:
    """The event with its name, which some servers leave out or write after the data."""
    if heard.name:
        return heard
    value = _loose(heard.data or b"")
    kind = value.get("type") if isinstance(value, dict) else None
    name = kind if isinstance(kind, str) and kind.replace(".", "_").isidentifier() else ""
    return Said(name.encode(), heard.data)


def _loose(data: bytes) -> Any:
    try:
        return decode_event(data)
    except (ValueError, RecursionError):
        return None
