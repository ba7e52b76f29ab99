"""Decompress an answer as it comes, within bounds.

What the provider flushed is delivered at once, in pieces of at most 64 KiB, so that for a paused
reader the rest stays compressed. An answer may grow a hundredfold and no more (`security.md`
section 8). Brotli and Zstandard are not in this Python's library: we do not accept them, so answers
that use them are refused, as is more than one coding.
"""

import zlib
from collections.abc import Iterator

from stockyard.errors import UpstreamError

MAX_RATIO = 100
PIECE_BYTES = 64 * 1024

_GZIP_WINDOW = zlib.MAX_WBITS | 16
_PLAIN = frozenset({b"", b"identity"})
_GZIP = frozenset({b"gzip", b"x-gzip"})


class Decoder:
    """One compressed body: `feed` its bytes, then `finish`."""

    def __init__(self, window: int | None) -> None:
        """`window` as zlib takes it; None for `deflate`, which has two forms in practice."""
        self._inflate = None if window is None else zlib.decompressobj(window)
        self._start = b""
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes that `data` completes. Raises `bad_answer` on damage and excess."""
        self._taken += len(data)
        if self._inflate is None:
            data = self._start + data
            if len(data) < 2:
                self._start = data
                return
            self._inflate = zlib.decompressobj(_deflate_window(data))
        while data:
            piece = self._step(self._inflate, data)
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail
        yield from self._held_inside(self._inflate)

    def finish(self) -> None:
        """The body is over. Raises `bad_answer` when the compressed stream is not."""
        if self._taken and (self._inflate is None or not self._inflate.eof):
            raise UpstreamError("bad_answer", "The provider's compressed answer is cut short.")

    def _held_inside(self, inflate: "zlib._Decompress") -> Iterator[bytes]:
        """zlib may have consumed all input and still hold output: ask until there is none."""
        while not inflate.eof:
            piece = self._step(inflate, b"")
            if not piece:
                return
            yield piece

    def _step(self, inflate: "zlib._Decompress", data: bytes) -> bytes:
        if inflate.eof:
            raise UpstreamError("bad_answer", "The provider's compressed answer has a tail.")
        try:
            piece = inflate.decompress(data, PIECE_BYTES)
        except zlib.error:
            raise UpstreamError(
                "bad_answer", "The provider's answer is not compressed as it says."
            ) from None
        if inflate.unused_data:
            raise UpstreamError("bad_answer", "The provider's compressed answer has a tail.")
        self._given += len(piece)
        if self._given > MAX_RATIO * self._taken:
            raise UpstreamError("bad_answer", "The provider's compressed answer grows too much.")
        return piece


def decoder_for(fields: list[tuple[bytes, bytes]]) -> Decoder | None:
    """The decoder for an answer's `content-encoding`; None if the body is not encoded."""
    codings = b",".join(value for name, value in fields if name == b"content-encoding")
    named = [coding.strip().lower() for coding in codings.split(b",")]
    applied = [coding for coding in named if coding not in _PLAIN]
    if not applied:
        return None
    if applied == [b"deflate"]:
        return Decoder(None)
    if len(applied) == 1 and applied[0] in _GZIP:
        return Decoder(_GZIP_WINDOW)
    raise UpstreamError("bad_answer", "The provider's answer has an unknown content encoding.")


def _deflate_window(start: bytes) -> int:
    """`deflate` means the zlib format, but some servers send it without its two-byte header."""
    wrapped = start[0] & 0x0F == zlib.DEFLATED and int.from_bytes(start[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
