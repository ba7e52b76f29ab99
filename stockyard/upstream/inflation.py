"""Decompress an answer no faster than its Receiver takes it.

A compressed read may hold a hundred times as much. What the Receiver does not want yet waits here
as it came, compressed.
"""

from collections.abc import Iterator
from itertools import chain

from stockyard.upstream.decompress import Decoder, decoder_for


class Inflation:
    """One compressed body: `add` what came, `take` what it says, then `finish`."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._pieces: Iterator[bytes] | None = None

    def waits(self) -> bool:
        """Whether anything may wait to be taken."""
        return self._pieces is not None

    def add(self, body: bytes) -> None:
        pieces = self._decoder.feed(body)
        self._pieces = pieces if self._pieces is None else chain(self._pieces, pieces)

    def take(self) -> bytes | None:
        """The next plain bytes; None when all that came is taken. Raises `bad_answer`."""
        piece = next(self._pieces, None) if self._pieces is not None else None
        if piece is None:
            self._pieces = None
        return piece

    def finish(self) -> None:
        """The body is over. Raises `bad_answer` when the compressed stream is not."""
        self._decoder.finish()


def inflation_of(fields: list[tuple[bytes, bytes]]) -> Inflation | None:
    """For a body below this head; None when it is plain. Raises `bad_answer` for other codings."""
    decoder = decoder_for(fields)
    return Inflation(decoder) if decoder is not None else None
