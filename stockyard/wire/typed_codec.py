"""The half of a codec that speech, transcriptions and images have in common.

They say errors as chat does, stream typed events, and take nothing of a request but its model into
their own hands unless somebody changed a text in it.
"""

from typing import ClassVar

from stockyard.errors import UpstreamError
from stockyard.wire.codec import Fault, Fields, Traits, WireError
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.multipart import MAX_PARTS
from stockyard.wire.openai_chat import errors
from stockyard.wire.typed_look import Grammar, TypedLook
from stockyard.wire.upload import splice_model


class TypedCodec:
    stream_type = b"text/event-stream; charset=utf-8"
    ping = b": ping\n\n"
    comments = True
    terminator = b""
    max_parts = MAX_PARTS
    """Of a request that comes as a form."""
    grammar: ClassVar[Grammar]

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice_model(body, model, max_parts=self.max_parts)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> TypedLook:
        return TypedLook(self.grammar, traits=traits, native=native)

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)

    def failed_stream(self, fault: Fault) -> bytes:
        return errors.failed_stream(fault)
