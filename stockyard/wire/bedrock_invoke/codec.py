"""Invoke: each model's own bodies. Those in Messages are decoded; all others pass unread."""

import msgspec

from stockyard.core.request import Request
from stockyard.core.response import Output
from stockyard.wire.anthropic_messages import response
from stockyard.wire.anthropic_messages.blocks import SAYS
from stockyard.wire.anthropic_messages.codec import TOOL_NAMES
from stockyard.wire.bedrock_converse import errors
from stockyard.wire.bedrock_invoke import request
from stockyard.wire.bedrock_invoke.stream import InvokeLook, InvokeReader, InvokeWriter
from stockyard.wire.codec import (
    Addressee,
    Dropped,
    Facts,
    NotReadable,
    Pen,
    RequestHead,
    Traits,
)
from stockyard.wire.eventstream import STREAM_TYPE
from stockyard.wire.head import quoted, read_head
from stockyard.wire.renaming import RenamingCodec

_TELLING = b'"anthropic_version"'
"""What every body of Messages has here, and no other."""


class _Head(msgspec.Struct, gc=False):
    messages: list[msgspec.Raw]
    max_tokens: int | msgspec.UnsetType | None = msgspec.UNSET


_HEAD = msgspec.json.Decoder(_Head)
_KEYS = quoted("messages", "max_tokens")


class InvokeCodec(RenamingCodec):
    name = "bedrock.invoke"
    tool_names = TOOL_NAMES
    stream_type = STREAM_TYPE
    ping = b""
    comments = False
    says = SAYS

    read_request = staticmethod(request.decode_request)
    encode_response = staticmethod(response.encode_response)
    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def peek(self, body: bytes) -> RequestHead:
        """The head as far as the body knows it. Raises NotReadable for bodies of other formats."""
        if _TELLING not in body:
            raise NotReadable
        head = read_head(body, _HEAD, _KEYS)
        limit = None if head.max_tokens is msgspec.UNSET else head.max_tokens
        # Usage is part of every stream of this format.
        return RequestHead("", wants_usage=True, max_output=limit)

    def write_request(self, request_: Request, to: Addressee, /) -> Dropped:
        able = to.features | to.traits
        return request.encode_request(
            self.fitted(request_), features=able, max_output=to.max_output
        )

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        return response.facts(body)

    def decode_response(self, body: bytes, *, traits: Traits) -> Output:
        return self.named_back(response.decode_response(body))

    def reader(self, *, traits: Traits) -> InvokeReader:
        return InvokeReader(self._names)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> InvokeLook:
        return InvokeLook(native=native)

    def writer(self, pen: Pen) -> InvokeWriter:
        return InvokeWriter(pen)
