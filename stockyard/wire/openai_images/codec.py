"""Images, the format of what is painted, changed and varied."""

from stockyard.core.images import ImagesContent
from stockyard.core.request import Request
from stockyard.core.response import Output, Response
from stockyard.wire.codec import Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.openai_images import request, response
from stockyard.wire.openai_images.stream import GRAMMAR, ImagesReader, ImagesWriter
from stockyard.wire.typed_codec import TypedCodec
from stockyard.wire.upload import UploadCodec


class ImagesCodec(UploadCodec, TypedCodec):
    name = request.FORMAT
    grammar = GRAMMAR
    flows_from = 1024 * 1024
    max_parts = request.MAX_PARTS

    def peek(self, body: bytes) -> RequestHead:
        self.check(body)
        return request.peek(body)

    def decode_request(self, body: bytes) -> ImagesContent:
        return request.decode_request(body)

    def encode_request(
        self,
        request_: Request,
        /,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        return request.encode_request(request_)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def encode_response(self, response_: Response, /, pen: Pen) -> bytes:
        return response.encode_response(response_, pen)

    def reader(self, *, traits: Traits) -> ImagesReader:
        return ImagesReader(traits=traits)

    def writer(self, pen: Pen) -> ImagesWriter:
        return ImagesWriter(pen)
