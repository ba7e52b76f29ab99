"""Watch a forwarded Responses stream for usage, the finish and errors."""

from typing import Any

import msgspec
from msgspec import Struct

from stockyard.core.money import Usage
from stockyard.wire.codec import Traits
from stockyard.wire.finishes import odd
from stockyard.wire.look import NamedEventsLook
from stockyard.wire.openai_responses.response import KNOWN_REASONS, reason_of
from stockyard.wire.openai_responses.stream_errors import error_of, not_responses, tells_error
from stockyard.wire.openai_responses.turn import CALLS
from stockyard.wire.openai_responses.usage import read_usage
from stockyard.wire.sse import ParsedBlock
from stockyard.wire.surrogates import loose


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
_FAILURES = frozenset({"error", "response.failed"})
_ENDS = frozenset({"response.completed", "response.incomplete"})
_PIECES = frozenset({"response.image_generation_call.partial_image"})
_CODE = "response.code_interpreter_call_code.delta"
"""What the provider runs itself, before it says anything."""


def _begins_call(item: _Item | None) -> bool:
    return item is not None and isinstance(item.type, str) and item.type in CALLS


class ResponsesLook(NamedEventsLook[_Event]):
    decoder = msgspec.json.Decoder(_Event)
    not_ours = staticmethod(not_responses)

    def __init__(self, *, traits: Traits, native: bool) -> None:
        super().__init__(native=native)
        self._traits = traits
        self.usage: Usage | None = None

    @property
    def complete(self) -> bool:
        return self._done

    @staticmethod
    def is_name(kind: str, /) -> bool:
        return kind.replace(".", "_").isidentifier()

    def _pass(self, block: bytes, /) -> bytes:
        if self.content and block.startswith(_DELTAS) and block.count(b"\n") == 3:
            return self._kept(block)
        return super()._pass(block)

    def _see(self, event: _Event, heard: ParsedBlock, block: bytes) -> bytes:
        kind = event.type if isinstance(event.type, str) else None
        if self._done:
            return self._kept(block)
        if heard.name == b"error" or kind in _FAILURES or (kind is None and event.error):
            raise error_of(loose(heard.data or b""))
        if kind in _ENDS:
            self._note_end(event)
            return self._end_with(block)
        if kind == "response.created" and event.response is not None:
            self.model = event.response.model if isinstance(event.response.model, str) else ""
        elif kind == "response.output_item.added":
            self.content = self.content or _begins_call(event.item)
        elif (event.delta and kind != _CODE) or kind in _PIECES:
            self.content = True
        return self._kept(block)

    def _note_end(self, event: _Event) -> None:
        self.content = True
        response = event.response or _Response()
        reason = reason_of(response.incomplete_details)
        self.odd_finish = odd(reason, KNOWN_REASONS)
        self.finish = reason or str(response.status or "completed")
        if isinstance(response.usage, dict):
            self.usage = read_usage(response.usage, self._traits)
        if not self.model and isinstance(response.model, str):
            self.model = response.model

    def _event(self, data: bytes) -> _Event | None:
        event = super()._event(data)
        if event is None and tells_error(loose(data)):
            return _Event(type="error")
        return event
