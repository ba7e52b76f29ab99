"""Messages: blocks in turns, with signed thinking and prompt caching."""

import msgspec

from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire.anthropic_messages import errors, request, response
from stockyard.wire.anthropic_messages.blocks import SAYS
from stockyard.wire.anthropic_messages.look import MessagesLook
from stockyard.wire.anthropic_messages.stream import MessagesReader
from stockyard.wire.anthropic_messages.writer import STOP_EVENT, MessagesWriter
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.head import quoted, read_head
from stockyard.wire.renaming import RenamingCodec
from stockyard.wire.tool_names import ToolNames


class _Head(msgspec.Struct, gc=False):
    messages: list[msgspec.Raw]
    model: str | msgspec.UnsetType = msgspec.UNSET
    """May be named by the path instead; the gateway refuses a call that names no model."""
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    max_tokens: int | msgspec.UnsetType | None = msgspec.UNSET
    tools: msgspec.Raw = msgspec.Raw(b"")


VERSIONED = b"_202"
"""Server tools have their version's date in their type. Some run code without saying so in the
type."""
_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "messages", "stream", "max_tokens")
TOOL_NAMES = ToolNames("a-zA-Z0-9_-")


class MessagesCodec(RenamingCodec):
    name = "anthropic.messages"
    tool_names = TOOL_NAMES
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    terminator = STOP_EVENT
    says = SAYS

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        # Usage is part of every stream of this format.
        limit = None if head.max_tokens is msgspec.UNSET else head.max_tokens
        makes = bool(bytes(head.tools)) and VERSIONED in body
        return RequestHead(
            head.model or "", head.stream is True, wants_usage=True, max_output=limit, makes=makes
        )

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        able = to.features | to.traits
        return request.encode_request(
            self.fitted(request_), features=able, max_output=to.max_output
        )

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return self.named_back(response.decode_response(body))

    def reader(self, *, traits: Traits) -> MessagesReader:
        return MessagesReader(self._names)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> MessagesLook:
        return MessagesLook(native=native)

    def writer(self, pen: Pen) -> MessagesWriter:
        return MessagesWriter(pen)
