"""What a format must be able to do for the mock provider."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from msgspec import Struct

from stockyard.upstream.mock.asked import Asked
from stockyard.upstream.mock.behaviour import Behaviour
from stockyard.upstream.mock.reply import Estimate, Reply


class Signature(NamedTuple):
    """What makes one answer different from the next."""

    number: int
    created: int
    model: str


class Piece(NamedTuple):
    frame: bytes
    text: str = ""
    """The part of what is said that it carries."""


class Frames(Struct, frozen=True):
    """A streamed answer: everything before its content, its content, and what ends it."""

    opening: bytes
    pieces: Iterator[Piece]
    """Made when their turn comes: a long answer to a slow reader is never all in memory."""
    closing: bytes


class Dialect(Protocol):
    """One format, from the provider's side."""

    name: str
    request_id: bytes
    """The header field that names an answer."""
    broken: bytes
    """A frame whose JSON ends too early."""

    def read(self, body: bytes) -> Asked:
        """Raises msgspec.DecodeError, or Refused, for what is not a request of this format."""

    @property
    def frames(self) -> Callable[[Asked, Reply, Signature], Frames] | None:
        """Writes a streamed answer; None in a format that has none."""

    def reply(self, asked: Asked, behaviour: Behaviour, estimate: Estimate) -> Reply: ...
    def whole(self, asked: Asked, reply: Reply, signature: Signature) -> bytes: ...
    def error(self, status: int, message: str, signature: Signature) -> bytes: ...
