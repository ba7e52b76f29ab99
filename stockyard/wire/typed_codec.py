"""Base class of the codecs for speech, transcriptions and images.

Errors look like chat's, streams are typed events, and the only thing replaced in a request is its
model, unless a module changed a text in it.
"""

from typing import ClassVar

from stockyard.wire.codec import Traits
from stockyard.wire.multipart import MAX_PARTS
from stockyard.wire.openai_chat import errors
from stockyard.wire.streamed import Asked, StreamedCodec
from stockyard.wire.typed_look import Grammar, TypedLook
from stockyard.wire.upload import splice_model


class TypedCodec(StreamedCodec[Asked]):
    max_parts = MAX_PARTS
    """Parts that a form may have."""
    grammar: ClassVar[Grammar]
    expected = 1
    """How many end events a complete stream has."""

    encode_error = staticmethod(errors.encode_error)
    failed_stream = staticmethod(errors.failed_stream)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice_model(body, model, max_parts=self.max_parts)

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> TypedLook:
        return TypedLook(self.grammar, traits=traits, native=native, expected=self.expected)
