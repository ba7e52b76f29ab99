"""What the mock provider needs to know of each format."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from msgspec import Struct

from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.mock_request import MockRequest
from stockyard.upstream.mock.reply import Estimate, MockReply


class Signature(NamedTuple):
    """The parts that differ between answers to the same request."""

    number: int
    created: int
    model: str


class Piece(NamedTuple):
    frame: bytes
    text: str = ""
    """The part of the answer's text in this frame."""


class Frames(Struct, frozen=True):
    """A streamed answer: its beginning, its content and its end."""

    opening: bytes
    pieces: Iterator[Piece]
    """Made one by one, so that a long answer to a slow reader is never all in memory."""
    closing: bytes


class Dialect(Protocol):
    """One format, from the provider's side. Implemented by modules: `chat`, `messages`, ..."""

    name: str
    request_id: bytes
    """The header field for the id of an answer."""
    broken: bytes
    """The beginning of a frame whose JSON ends too early."""

    def read(self, body: bytes) -> MockRequest:
        """Read a request. Raises msgspec.DecodeError or Refused if it is invalid."""

    @property
    def frames(self) -> Callable[[MockRequest, MockReply, Signature], Frames] | None:
        """Writes a streamed answer; None for a format without streams."""

    def reply(self, request: MockRequest, behaviour: Behaviour, estimate: Estimate) -> MockReply:
        """Decide what to answer."""

    def whole(self, request: MockRequest, reply: MockReply, signature: Signature) -> bytes:
        """The body of an answer that is not streamed."""

    def error(self, status: int, message: str, signature: Signature) -> bytes:
        """The body of an error."""
