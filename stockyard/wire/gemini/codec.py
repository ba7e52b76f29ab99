"""`generateContent`: contents of parts, with the model and the way to answer in the path."""

import msgspec

from stockyard.core.messages import Audio, Document, Image, Video
from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire.codec import (
    Addressee,
    Dropped,
    Facts,
    Fault,
    Pen,
    RequestHead,
    Traits,
    WireError,
)
from stockyard.wire.expressible import Expressible
from stockyard.wire.gemini import errors, request, response
from stockyard.wire.gemini.citations import has_address
from stockyard.wire.gemini.framing import ARRAY, EVENTS, ArrayFrames, Envelope, EventFrames, Frames
from stockyard.wire.gemini.look import GeminiLook
from stockyard.wire.gemini.names import FORMAT, TOOL_NAMES
from stockyard.wire.gemini.stream import GeminiReader
from stockyard.wire.gemini.writer import GeminiWriter
from stockyard.wire.head import quoted, read_head
from stockyard.wire.renaming import RenamingCodec


class _Config(msgspec.Struct, gc=False):
    maxOutputTokens: int | float | None = None
    max_output_tokens: int | float | None = None


class _Head(msgspec.Struct, gc=False):
    contents: list[msgspec.Raw] | dict[str, msgspec.Raw]
    generationConfig: _Config | msgspec.UnsetType | None = msgspec.UNSET
    generation_config: _Config | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("contents", "generationConfig", "generation_config")


class GeminiCodec(RenamingCodec):
    """Streams are server-sent events: what clients ask for with `alt=sse`."""

    name = FORMAT
    tool_names = TOOL_NAMES
    ping = b""
    comments = False
    says = Expressible(
        cites=has_address, parts=(Image, Audio, Video, Document), logprobs=True, blocks=FORMAT
    )
    _envelope: Envelope = EVENTS

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)

    def peek(self, body: bytes) -> RequestHead:
        """The head, as far as it is in the body: the model and whether to stream are in the
        path."""
        head = read_head(body, _HEAD, _KEYS)
        config = head.generationConfig or head.generation_config
        limit = (config.maxOutputTokens or config.max_output_tokens) if config else None
        # Usage is part of every stream of this format.
        return RequestHead("", wants_usage=True, max_output=int(limit) if limit else None)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_, traits=to.traits)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body, self._names)

    def reader(self, *, traits: Traits) -> GeminiReader:
        return GeminiReader(self._frames(), self._names)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> GeminiLook:
        return GeminiLook(self._frames(), self._envelope, native=native)

    def writer(self, pen: Pen) -> GeminiWriter:
        return GeminiWriter(pen, self._envelope)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)

    def failed_stream(self, fault: Fault) -> bytes:
        envelope = self._envelope
        return envelope.later + errors.broken(fault) + envelope.after + envelope.end

    def _frames(self) -> Frames:
        return EventFrames()


class GeminiArrayCodec(GeminiCodec):
    """Streams are one JSON array: what clients get who do not ask for `alt=sse`."""

    name = f"{FORMAT}.array"
    stream_type = b"application/json"
    _envelope = ARRAY

    def encode_error(self, fault: Fault) -> WireError:
        error = errors.encode_error(fault)
        return WireError(error.status, error.fields, b"[" + error.body + b"]")

    def _frames(self) -> Frames:
        return ArrayFrames()
