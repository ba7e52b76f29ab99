"""Transcriptions and translations: audio in, text out."""

from stockyard.core.request import Request
from stockyard.core.response import Output, Response
from stockyard.core.transcription import TranscriptionContent
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.openai_transcriptions import request, response
from stockyard.wire.openai_transcriptions.stream import (
    GRAMMAR,
    TranscriptionReader,
    TranscriptionWriter,
)
from stockyard.wire.typed_codec import TypedCodec
from stockyard.wire.upload import UploadCodec


class TranscriptionsCodec(UploadCodec, TypedCodec[TranscriptionContent]):
    name = request.FORMAT
    grammar = GRAMMAR

    read_request = staticmethod(request.decode_request)

    def peek(self, body: bytes) -> RequestHead:
        self.check(body)
        return request.peek(body)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def encode_response(self, response_: Response, /, pen: Pen) -> bytes:
        return response.encode_response(response_)

    def reader(self, *, traits: Traits) -> TranscriptionReader:
        return TranscriptionReader(traits=traits)

    def writer(self, pen: Pen) -> TranscriptionWriter:
        return TranscriptionWriter(pen)
