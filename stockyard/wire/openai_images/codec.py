"""Images: generations, edits and variations."""

from typing import Self

from stockyard.core.images import ImagesContent
from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.openai_images import request, response
from stockyard.wire.openai_images.stream import GRAMMAR, ImagesReader, ImagesWriter
from stockyard.wire.typed_codec import TypedCodec
from stockyard.wire.upload import UploadCodec


class ImagesCodec(UploadCodec, TypedCodec[ImagesContent]):
    name = request.FORMAT
    grammar = GRAMMAR
    flows_from = 1024 * 1024
    max_parts = request.MAX_PARTS

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)

    def expecting(self, content: ImagesContent) -> Self:
        codec = type(self)()
        codec.expected = content.wanted
        return codec

    def peek(self, body: bytes) -> RequestHead:
        self.check(body)
        return request.peek(body)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def reader(self, *, traits: Traits) -> ImagesReader:
        return ImagesReader(traits=traits, expected=self.expected)

    def writer(self, pen: Pen) -> ImagesWriter:
        return ImagesWriter(pen)
