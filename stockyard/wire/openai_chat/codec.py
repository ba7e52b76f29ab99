"""Chat Completions, the format most clients and providers speak."""

import msgspec

from stockyard.core.request import Content, Request
from stockyard.core.response import Output, Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import splice
from stockyard.wire.codec import Dropped, Facts, Fault, Fields, Pen, RequestHead, Traits, WireError
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.fields import FieldError
from stockyard.wire.head import is_array, read_head, wrong
from stockyard.wire.openai_chat import errors, request, response
from stockyard.wire.openai_chat.look import ChatLook
from stockyard.wire.openai_chat.stream import ChatReader
from stockyard.wire.openai_chat.writer import DONE_EVENT, ChatWriter


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Head(msgspec.Struct, gc=False):
    model: str
    messages: msgspec.Raw
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = (
    b'"model"',
    b'"messages"',
    b'"stream"',
    b'"stream_options"',
    b'"include_usage"',
    b'"max_tokens"',
    b'"max_completion_tokens"',
)


class ChatCodec:
    name = "openai.chat"
    stream_type = b"text/event-stream; charset=utf-8"
    ping = b": ping\n\n"
    comments = True
    terminator = DONE_EVENT

    def peek(self, body: bytes) -> RequestHead:
        head = read_head(body, _HEAD, _KEYS)
        if not is_array(head.messages):
            raise wrong("messages", "The field 'messages' must be an array.")
        limit = head.max_completion_tokens
        return RequestHead(
            head.model,
            head.stream is True,
            head.stream_options is not None and head.stream_options.include_usage is True,
            head.max_tokens if limit is None else limit,
        )

    def decode_request(self, body: bytes) -> Content:
        try:
            return request.decode_request(body)
        except FieldError as error:
            raise Refused(400, "invalid_request", str(error), param=error.path) from None

    def encode_request(
        self,
        request_: Request,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        return request.encode_request(request_, features=features, traits=traits)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        if model is not None:
            body = splice.replace_text(body, "model", model)
        return splice.ask_for_usage(body) if include_usage else body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body, traits=traits)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return response.decode_response(body, traits=traits)

    def encode_response(self, response_: Response, pen: Pen) -> bytes:
        return response.encode_response(response_, pen)

    def reader(self, *, traits: Traits) -> ChatReader:
        return ChatReader(traits=traits)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> ChatLook:
        return ChatLook(traits=traits, keep_usage=keep_usage, native=native)

    def writer(self, pen: Pen) -> ChatWriter:
        return ChatWriter(pen)

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)

    def failed_stream(self, fault: Fault) -> bytes:
        return errors.failed_stream(fault)
