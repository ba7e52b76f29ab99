"""Cut a stream into what it is made of: `sse.Blocks` into events, `ndjson.Lines` into lines,
`eventstream.Frames` into frames."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

Piece = TypeVar("Piece", covariant=True)


class Cutter(Protocol[Piece]):
    def feed(self, data: bytes) -> Iterable[Piece]:
        """The pieces that this data completes."""
