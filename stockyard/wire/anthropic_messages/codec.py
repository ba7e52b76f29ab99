"""Messages: blocks in turns, with signed thinking and prompt caching."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import splice
from stockyard.wire.anthropic_messages import errors, request, response
from stockyard.wire.anthropic_messages.look import MessagesLook
from stockyard.wire.anthropic_messages.stream import MessagesReader
from stockyard.wire.anthropic_messages.writer import STOP_EVENT, MessagesWriter
from stockyard.wire.codec import Dropped, Facts, Fault, Fields, Pen, RequestHead, Traits, WireError
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.fields import FieldError
from stockyard.wire.head import quoted, read_head


class _Head(msgspec.Struct, gc=False):
    messages: list[msgspec.Raw]
    model: str | msgspec.UnsetType = msgspec.UNSET
    """Some paths name it; the gateway refuses a call that says it nowhere."""
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    max_tokens: int | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "messages", "stream", "max_tokens")


class MessagesCodec:
    name = "anthropic.messages"
    stream_type = b"text/event-stream; charset=utf-8"
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    comments = True
    terminator = STOP_EVENT

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        # Usage is part of every stream of this format.
        limit = None if head.max_tokens is msgspec.UNSET else head.max_tokens
        return RequestHead(head.model or "", head.stream is True, True, limit)

    def decode_request(self, body: bytes) -> Content:
        try:
            return request.decode_request(body)
        except FieldError as error:
            raise Refused(400, "invalid_request", str(error), param=error.path) from None

    def encode_request(
        self,
        request_: Request,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        return request.encode_request(request_, features=features | traits, max_output=max_output)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice.replace_text(body, "model", model)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        return response.encode_response(response_, pen)

    def reader(self, *, traits: Traits) -> MessagesReader:
        return MessagesReader()

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> MessagesLook:
        return MessagesLook(native=native)

    def writer(self, pen: Pen) -> MessagesWriter:
        return MessagesWriter(pen)

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)

    def failed_stream(self, fault: Fault) -> bytes:
        return errors.failed_stream(fault)
