"""Speech: text in, audio out."""

from stockyard.core.request import Request
from stockyard.core.response import Output, Response
from stockyard.core.speech import SpeechContent
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.openai_speech import request, response
from stockyard.wire.openai_speech.stream import GRAMMAR, SpeechReader, SpeechWriter
from stockyard.wire.typed_codec import TypedCodec


class SpeechCodec(TypedCodec[SpeechContent]):
    name = request.FORMAT
    grammar = GRAMMAR
    flows_from = 0

    read_request = staticmethod(request.decode_request)

    def peek(self, body: bytes) -> RequestHead:
        return request.peek(body)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def encode_response(self, response_: Response, /, pen: Pen) -> bytes:
        return response.encode_response(response_)

    def reader(self, *, traits: Traits) -> SpeechReader:
        return SpeechReader(traits=traits)

    def writer(self, pen: Pen) -> SpeechWriter:
        return SpeechWriter()
