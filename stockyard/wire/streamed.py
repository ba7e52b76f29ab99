"""Base class of codecs for formats whose answers stream.

A format adds what its bodies mean and how errors look. The defaults here fit server-sent events.
`whole.WholeCodec` is the counterpart for formats whose answers always come whole.
"""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from stockyard.core.meaning import AnyContent, AnyOutput
from stockyard.core.request import Request
from stockyard.core.response import Response
from stockyard.errors import Refused, UpstreamError
from stockyard.wire import splice
from stockyard.wire.codec import (
    Addressee,
    Dropped,
    Facts,
    Fault,
    Fields,
    Pen,
    RequestHead,
    StreamLook,
    StreamReader,
    StreamWriter,
    Traits,
    WireError,
)
from stockyard.wire.error_kinds import upstream_error
from stockyard.wire.expressible import Expressible
from stockyard.wire.fields import FieldError

Asked = TypeVar("Asked", bound=AnyContent)
"""The content type that requests of a format decode to."""


class StreamedCodec(ABC, Generic[Asked]):
    name: str
    stream_type = b"text/event-stream; charset=utf-8"
    ping = b": ping\n\n"
    comments = True
    terminator = b""
    says = Expressible()
    """What its answers can express beyond what every format can."""

    # Supplied by each format.

    @abstractmethod
    def peek(self, body: bytes) -> RequestHead: ...
    @abstractmethod
    def read_request(self, body: bytes) -> Asked:
        """Decode a request's fields. Raises FieldError."""

    @abstractmethod
    def write_request(self, request: Request, to: Addressee, /) -> Dropped: ...
    @abstractmethod
    def facts(self, body: bytes, *, traits: Traits) -> Facts: ...
    @abstractmethod
    def decode_response(self, body: bytes, *, traits: Traits) -> AnyOutput: ...
    @abstractmethod
    def encode_response(self, response: Response, /, pen: Pen) -> bytes: ...
    @abstractmethod
    def reader(self, *, traits: Traits) -> StreamReader: ...
    @abstractmethod
    def look(self, *, traits: Traits, keep_usage: bool, native: bool) -> StreamLook: ...
    @abstractmethod
    def writer(self, pen: Pen) -> StreamWriter: ...
    @abstractmethod
    def encode_error(self, fault: Fault) -> WireError: ...
    @abstractmethod
    def failed_stream(self, fault: Fault) -> bytes: ...

    # The same in all formats.

    def decode_request(self, body: bytes) -> Asked:
        try:
            return self.read_request(body)
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
        return self.write_request(request, Addressee(features, traits, max_output))

    def splice_request(self, body: bytes, *, model: str | None, include_usage: bool) -> bytes:
        return body if model is None else splice.replace_text(body, "model", model)

    def decode_error(
        self, status: int, fields: Fields, body: bytes, *, traits: Traits = frozenset()
    ) -> UpstreamError:
        return upstream_error(status, fields, body, traits)
