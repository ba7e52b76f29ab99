"""Completions, the legacy format of plain prompts."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.core.response import Output
from stockyard.wire import splice
from stockyard.wire.codec import Addressee, Dropped, Facts, Pen, RequestHead, Traits
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_chat import errors
from stockyard.wire.openai_chat import response as chat_response
from stockyard.wire.openai_completions import request, response
from stockyard.wire.openai_completions.look import CompletionsLook
from stockyard.wire.openai_completions.stream import CompletionsReader
from stockyard.wire.openai_completions.writer import CompletionsWriter
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.streamed import StreamedCodec
from stockyard.wire.strict import check_head


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Head(msgspec.Struct, gc=False):
    model: str | None = None
    """May be named by the path instead; the gateway refuses a call that names no model."""
    prompt: str | list[msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET
    stream: bool | msgspec.UnsetType | None = msgspec.UNSET
    stream_options: _StreamOptions | msgspec.UnsetType | None = msgspec.UNSET
    max_tokens: int | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("model", "prompt", "stream", "stream_options", "max_tokens")
_OPTION_KEYS = (b'"include_usage"',)


class CompletionsCodec(StreamedCodec[Content]):
    name = "openai.completions"
    terminator = DONE_EVENT

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        wants_usage = False
        if isinstance(head.stream_options, _StreamOptions):
            check_head(body, _OPTION_KEYS)
            wants_usage = head.stream_options.include_usage is True
        limit = None if head.max_tokens is msgspec.UNSET else head.max_tokens
        return RequestHead(head.model or "", head.stream is True, wants_usage, limit)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        return request.encode_request(request_, traits=to.traits)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        if model is not None:
            body = splice.replace_text(body, "model", model)
        return splice.ask_for_usage(body) if include_usage else body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return chat_response.facts(body, traits=traits, verdict=response.NO_COMPLETION)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body)

    def reader(self, *, traits: Traits) -> CompletionsReader:
        return CompletionsReader(traits=traits)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> CompletionsLook:
        return CompletionsLook(traits=traits, keep_usage=keep_usage, native=native)

    def writer(self, pen: Pen) -> CompletionsWriter:
        return CompletionsWriter(pen)
