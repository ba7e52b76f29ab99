"""Converse: blocks in turns, the same for every model. Streams are frames, not lines."""

import msgspec

from stockyard.core.messages import Image
from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire.bedrock_converse import errors, request, response
from stockyard.wire.bedrock_converse.look import ConverseLook
from stockyard.wire.bedrock_converse.names import FORMAT, TOOL_NAMES
from stockyard.wire.bedrock_converse.stream import ConverseReader
from stockyard.wire.bedrock_converse.writer import ConverseWriter
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.eventstream import STREAM_TYPE
from stockyard.wire.expressible import Expressible
from stockyard.wire.head import quoted, read_head
from stockyard.wire.renaming import RenamingCodec


class _Config(msgspec.Struct, gc=False):
    maxTokens: int | None = None


class _Head(msgspec.Struct, gc=False):
    messages: list[msgspec.Raw] = []
    inferenceConfig: _Config | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("messages", "inferenceConfig")


class ConverseCodec(RenamingCodec):
    name = FORMAT
    tool_names = TOOL_NAMES
    stream_type = STREAM_TYPE
    ping = b""
    comments = False
    says = Expressible(parts=(Image,), blocks=FORMAT)

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        """The head, as far as it is in the body: the model and whether to stream are in the
        path."""
        head = read_head(body, _HEAD, _KEYS)
        config = head.inferenceConfig
        # Usage is part of every stream of this format.
        return RequestHead("", wants_usage=True, max_output=config.maxTokens if config else None)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_, traits=to.traits)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body, self._names)

    def reader(self, *, traits: Traits) -> ConverseReader:
        return ConverseReader(self._names)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> ConverseLook:
        return ConverseLook(native=native)

    def writer(self, pen: Pen) -> ConverseWriter:
        return ConverseWriter(pen)
