"""Decompress an answer no faster than its Receiver takes it.

A compressed read may expand a hundredfold. What the Receiver does not want yet waits here in its
compressed form.
"""

from collections.abc import Iterator
from itertools import chain

from stockyard.upstream.decompress import Decoder, decoder_for


class Inflation:
    """One compressed body: `add` compressed bytes, `take` plain ones, then `finish`."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._pieces: Iterator[bytes] | None = None

    def waits(self) -> bool:
        """Whether there may be plain bytes to take."""
        return self._pieces is not None

    def add(self, body: bytes) -> None:
        pieces = self._decoder.feed(body)
        self._pieces = pieces if self._pieces is None else chain(self._pieces, pieces)

    def take(self) -> bytes | None:
        """The next plain bytes; None if there are no more for now. Raises `bad_answer`."""
        piece = next(self._pieces, None) if self._pieces is not None else None
        if piece is None:
            self._pieces = None
        return piece

    def finish(self) -> None:
        """The body is over. Raises `bad_answer` if the compressed stream is not."""
        self._decoder.finish()


def inflation_of(fields: list[tuple[bytes, bytes]]) -> Inflation | None:
    """For a body with these header fields; None if it is not encoded. Raises `bad_answer` for
    unknown encodings."""
    decoder = decoder_for(fields)
    return Inflation(decoder) if decoder is not None else None
