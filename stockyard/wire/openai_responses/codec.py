"""Responses, the format of typed items that command-line agents speak."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import splice
from stockyard.wire.codec import Dropped, Facts, Fault, Fields, Pen, RequestHead, Traits, WireError
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.fields import FieldError
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_responses import errors, request, response
from stockyard.wire.openai_responses.look import ResponsesLook
from stockyard.wire.openai_responses.stream import ResponsesReader
from stockyard.wire.openai_responses.writer import ResponsesWriter


class _Head(msgspec.Struct, gc=False):
    model: str
    input: str | list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    """Absent is fine: an earlier answer or a stored prompt can stand for it."""
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    max_output_tokens: int | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "input", "stream", "max_output_tokens")


class ResponsesCodec:
    name = "openai.responses"
    stream_type = b"text/event-stream; charset=utf-8"
    ping = b": ping\n\n"
    comments = True
    terminator = b""

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        limit = head.max_output_tokens
        # Usage is part of every stream of this format.
        return RequestHead(
            head.model, head.stream is True, True, None if limit is msgspec.UNSET else limit
        )

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
        return request.encode_request(request_)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice.replace_text(body, "model", model)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        return response.encode_response(response_, pen)

    def reader(self, *, traits: Traits) -> ResponsesReader:
        return ResponsesReader(traits=traits)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> ResponsesLook:
        return ResponsesLook(traits=traits, native=native)

    def writer(self, pen: Pen) -> ResponsesWriter:
        return ResponsesWriter(pen)

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)

    def failed_stream(self, fault: Fault) -> bytes:
        return errors.failed_stream(fault)

    def failed_after(self, fault: Fault, first: bytes, last: bytes) -> bytes:
        return errors.failed_after(fault, first, last)
