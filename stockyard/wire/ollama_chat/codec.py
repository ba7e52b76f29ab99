"""Ollama's own chat: options in an object, arguments as objects, a stream of lines of JSON."""

import msgspec

from stockyard.core.messages import Image
from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.expressible import Expressible
from stockyard.wire.head import quoted, read_head
from stockyard.wire.ollama_chat import errors, request, response
from stockyard.wire.ollama_chat.look import OllamaLook
from stockyard.wire.ollama_chat.places import IN_MESSAGE, Place
from stockyard.wire.ollama_chat.stream import OllamaReader
from stockyard.wire.ollama_chat.writer import OllamaWriter
from stockyard.wire.streamed import StreamedCodec


class _Options(msgspec.Struct, gc=False):
    num_predict: int | None = None


class _Head(msgspec.Struct, gc=False):
    model: str
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    options: _Options | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "stream", "options")


class OllamaCodec(StreamedCodec[Content]):
    name = IN_MESSAGE.format
    stream_type = b"application/x-ndjson"
    ping = b""
    comments = False
    says = Expressible(parts=(Image,), logprobs=True)
    _place: Place = IN_MESSAGE

    read_request = staticmethod(request.decode_request)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        limit = head.options.num_predict if isinstance(head.options, _Options) else None
        # A stream is what those get who say nothing, and usage is part of every stream.
        streams = head.stream is not False
        most = None if (limit or 0) < 0 else limit
        return RequestHead(head.model, streams, wants_usage=True, max_output=most)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)

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
