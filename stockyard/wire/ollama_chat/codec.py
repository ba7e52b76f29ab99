"""Ollama's own chat: options in an object, arguments as objects, a stream of lines of JSON."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import splice
from stockyard.wire.codec import Dropped, Facts, Fault, Fields, Pen, RequestHead, Traits, WireError
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.fields import FieldError
from stockyard.wire.head import quoted, read_head
from stockyard.wire.ollama_chat import errors, request, response
from stockyard.wire.ollama_chat.look import OllamaLook
from stockyard.wire.ollama_chat.places import IN_MESSAGE, Place
from stockyard.wire.ollama_chat.stream import OllamaReader
from stockyard.wire.ollama_chat.writer import OllamaWriter


class _Options(msgspec.Struct, gc=False):
    num_predict: int | None = None


class _Head(msgspec.Struct, gc=False):
    model: str
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    options: _Options | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "stream", "options")


class OllamaCodec:
    name = IN_MESSAGE.format
    stream_type = b"application/x-ndjson"
    ping = b""
    comments = False
    terminator = b""
    _place: Place = IN_MESSAGE

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        limit = head.options.num_predict if isinstance(head.options, _Options) else None
        # A stream is what those get who say nothing, and usage is part of every stream.
        streams = head.stream is not False
        return RequestHead(head.model, streams, True, None if (limit or 0) < 0 else limit)

    def decode_request(self, body: bytes) -> Content:
        try:
            return self._decode_request(body)
        except FieldError as error:
            raise Refused(400, "invalid_request", str(error), param=error.path) from None

    def _decode_request(self, body: bytes) -> Content:
        return request.decode_request(body)

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
        return response.facts(body, self._place)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body, self._place)

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        return response.encode_response(response_, pen, self._place)

    def reader(self, *, traits: Traits) -> OllamaReader:
        return OllamaReader(self._place)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> OllamaLook:
        return OllamaLook(native=native)

    def writer(self, pen: Pen) -> OllamaWriter:
        return OllamaWriter(pen, self._place)

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)

    def failed_stream(self, fault: Fault) -> bytes:
        return errors.failed_stream(fault)
