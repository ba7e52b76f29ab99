"""Recognise a head that the same connection has sent before.

A client that keeps its connection repeats its head byte for byte, except for the Content-Length. So
the last head of a call is compared with the next one, which saves parsing it and looking up its Key
again. A head that differs in anything but a plain Content-Length is parsed from the beginning.
"""

import re

from stockyard.gateway.contract import Opening
from stockyard.gateway.http import Head

MAX_BYTES = 4096
"""Longer heads are not kept. Each connection keeps one."""

_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]+)", re.IGNORECASE)


class KnownHead:
    __slots__ = (
        "_after",
        "_again",
        "_before",
        "_sized",
        "_start",
        "_whole",
        "generation",
        "head",
        "opening",
    )

    def __init__(self, head: Head, opening: Opening, generation: int) -> None:
        self.head = head
        self.opening = opening
        self.generation = generation
        """The plane's, when it gave this opening."""
        # GET and HEAD may only have the length 0, so theirs may not change.
        match = None if head.method in ("GET", "HEAD") else _LENGTH.search(head.raw)
        self._sized = match is not None
        start, end = match.span(1) if match else (len(head.raw), len(head.raw))
        self._whole = head.raw
        self._again = len(head.raw), head.length
        """What `begins` returns for the very same head."""
        self._before = head.raw[:start]
        self._after = head.raw[end:]
        self._start = start

    def begins(self, data: bytes) -> tuple[int, int] | None:
        """Where the body begins and how long it is, if `data` begins with this head."""
        if data.startswith(self._whole):
            return self._again
        if not self._sized or not data.startswith(self._before):
            return None
        # At most 15 digits, as in HS15.
        end = data.find(b"\r", self._start, self._start + 16)
        if end < 0 or not data.startswith(self._after, end):
            return None
        digits = data[self._start : end]
        if not digits.isdigit() or digits[0] == 0x30:
            return None
        return end + len(self._after), int(digits)
