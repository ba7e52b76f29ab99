"""Base class of codecs for formats whose answers always come whole.

A format adds how requests and answers are read and written, and where an answer reports usage.
There are no streams; a client that asks for one gets a whole answer.
"""

from abc import ABC, abstractmethod
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.money import Usage
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import splice, strict
from stockyard.wire.codec import (
    Dropped,
    Facts,
    Fault,
    Pen,
    RequestHead,
    StreamLook,
    StreamReader,
    StreamWriter,
    Traits,
    WireError,
)
from stockyard.wire.codec import Fields as HeaderFields
from stockyard.wire.drops import Drops
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.error_shapes import NO_ERROR_BODY, error_body
from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.head import quoted, read_head
from stockyard.wire.openai_chat import errors
from stockyard.wire.width import LARGE, check_things


class _ModelHead(Struct, gc=False):
    model: str


class Beside(Struct, gc=False):
    """What may stand beside the content of an answer, in any of these formats."""

    usage: Any = None
    meta: Any = None
    usageMetadata: Any = None
    prompt_eval_count: Any = None
    input_token_count: Any = None
    error: Any = None


_MODEL = msgspec.json.Decoder(_ModelHead)
_MODEL_KEYS = quoted("model")
_beside = msgspec.json.Decoder(Beside).decode


class WholeCodec(ABC):
    name: str
    tag = ""
    """The format name that unknown fields are tagged with, if it differs from `name`."""
    stream_type = b"application/json"
    ping = b""
    comments = False
    terminator = b""
    most_values = strict.MAX_VALUES
    """Bound on the number of values in a request's JSON."""
    most_items = 0
    """Inputs its providers accept in one request; 0 for no limit."""

    def most_items_of(self, traits: Traits) -> int:
        """The same for a model with these traits."""
        return self.most_items

    # Supplied by each format.

    @abstractmethod
    def read_request(self, fields: Fields) -> AnyContent:
        """Decode a request's fields. Raises FieldError."""

    @abstractmethod
    def write_request(self, request: Request, drops: Drops) -> Any:
        """Encode a request as a JSON value."""

    @abstractmethod
    def read_response(self, answer: Any) -> AnyOutput:
        """Decode an answer. Raises FieldError, or whatever malformed values raise."""

    @abstractmethod
    def write_response(self, response: Response, pen: Pen) -> Any:
        """Encode an answer as a JSON value."""

    def read_usage(self, beside: Beside, traits: Traits) -> Usage | None:
        """The usage that an answer reports."""
        return None

    def honours(self, asked: bytes, answer: bytes) -> bool:
        """Whether an answer is as its request asked for, so that its bytes can be passed on.

        For a large answer this is called with its first MiB only.
        """
        return True

    # Codec.

    def peek(self, body: bytes) -> RequestHead:
        return RequestHead(read_head(body, _MODEL, _MODEL_KEYS).model)

    def decode_request(self, body: bytes) -> AnyContent:
        try:
            return self.read_request(Fields(strict.parse(body, most_values=self.most_values)))
        except FieldError as error:
            raise Refused(400, "invalid_request", str(error), param=error.path) from None

    def encode_request(
        self,
        request: Request,
        /,
        *,
        features: Traits,
        traits: Traits,
        max_output: int | None = None,
    ) -> Dropped:
        drops = Drops(self.tag or self.name)
        body = self.write_request(request, drops)
        return Dropped(msgspec.json.encode(body), drops.names)

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice.replace_text(body, "model", model)

    def facts(self, body: bytes, *, traits: Traits) -> Facts:
        try:
            beside = _beside(body)
        except (ValueError, RecursionError):
            raise bad_answer() from None
        if beside.error and (said := error_body({"error": beside.error})) != NO_ERROR_BODY:
            raise UpstreamError("provider_fault", said.message or "The provider failed.")
        return Facts(self.read_usage(beside, traits))

    def decode_response(self, body: bytes, *, traits: Traits) -> AnyOutput:
        try:
            value = msgspec.json.decode(body)
            if len(body) > LARGE:
                check_things(body, value)
            return self.read_response(value)
        except (ValueError, TypeError, KeyError, RecursionError):
            raise bad_answer() from None

    def encode_response(self, response: Response, /, pen: Pen) -> bytes:
        return msgspec.json.encode(self.write_response(response, pen))

    def reader(self, *, traits: Traits) -> StreamReader:
        self._no_streams()

    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> StreamLook:
        self._no_streams()

    def writer(self, pen: Pen) -> StreamWriter:
        self._no_streams()

    def failed_stream(self, fault: Fault) -> bytes:
        self._no_streams()

    def _no_streams(self) -> NoReturn:
        raise UpstreamError("bad_answer", f"Answers in the format {self.name} do not stream.")

    def decode_error(
        self, status: int, fields: HeaderFields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)

    def encode_error(self, fault: Fault) -> WireError:
        return errors.encode_error(fault)


def bad_answer() -> UpstreamError:
    return UpstreamError("bad_answer", "The provider's answer is not of its format.")
