"""Version 2 of Cohere's chat: content as a list, citations beside it, a plan before the calls."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.core.response import Output
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.cohere_chat import errors, request, response
from stockyard.wire.cohere_chat.citations import cites_here
from stockyard.wire.cohere_chat.look import CohereLook
from stockyard.wire.cohere_chat.parts import FORMAT
from stockyard.wire.cohere_chat.stream import CohereReader
from stockyard.wire.cohere_chat.writer import CohereWriter
from stockyard.wire.expressible import Expressible
from stockyard.wire.head import quoted, read_head
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.streamed import StreamedCodec


class _Head(msgspec.Struct, gc=False):
    model: str
    messages: list[msgspec.Raw]
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    max_tokens: int | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "messages", "stream", "max_tokens")


class CohereCodec(StreamedCodec[Content]):
    name = FORMAT
    terminator = DONE_EVENT
    says = Expressible(cites=cites_here, blocks=FORMAT)

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        # Usage is part of every stream of this format.
        limit = None if head.max_tokens is msgspec.UNSET else head.max_tokens
        return RequestHead(head.model, head.stream is True, wants_usage=True, max_output=limit)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def reader(self, *, traits: Traits) -> CohereReader:
        return CohereReader()

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> CohereLook:
        return CohereLook(native=native)

    def writer(self, pen: Pen) -> CohereWriter:
        return CohereWriter(pen)
