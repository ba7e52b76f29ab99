"""What is left of a JSON document without its strings: brackets, colons, commas, numbers, words.

There they can be counted, which is much quicker than to decode the document.
"""

from collections.abc import Iterator

_PIECE = 1024 * 1024
"""The strings of a large document are not in memory all at once."""


def without_escaped_quotes(document: bytes) -> bytes:
    """It with no other quotes than those at both ends of its strings."""
    if b"\\" not in document:
        return document
    # Pairs first: of the backslashes before a quote, only one that is left over escapes it.
    return document.replace(b"\\\\", b"").replace(b'\\"', b"")


def outside_strings(document: bytes) -> Iterator[bytes]:
    """A document without escaped quotes, and without its strings, piece by piece."""
    inside = 0
    for start in range(0, len(document), _PIECE):
        parts = document[start : start + _PIECE].split(b'"')
        yield b"".join(parts[inside::2])
        inside = (inside + len(parts) - 1) % 2
