"""Split a stream into its pieces: `sse.Blocks` into events, `ndjson.Lines` into lines,
`eventstream.Frames` into frames."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

Piece = TypeVar("Piece", covariant=True)


class Cutter(Protocol[Piece]):
    def feed(self, data: bytes) -> Iterable[Piece]:
        """The pieces completed by this data."""
