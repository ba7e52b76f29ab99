"""Make ids that sort by time: a prefix and 26 characters of Crockford's base 32, like a ULID.

They hold 50 bits of milliseconds, 40 random bits per process, and a counter of 40 bits. They are
names, not secrets.
"""

from random import Random
from time import time_ns

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
"""Every value of 10 bits as two characters."""


class Ids:
    """Makes ids. One per process; not for use from several threads."""

    __slots__ = ("_count", "_middle", "_process", "_second", "_start")

    def __init__(self) -> None:
        # Seeded by the system, and two processes that agree would only share a few names.
        self._process = _text(Random().getrandbits(40), 4)  # noqa: S311  no secret: it tells processes apart
        self._second = -1
        self._start = ""
        """The upper bits of the time, which all ids of about one second share."""
        self._count = 0
        self._middle = self._process + _text(0, 3)
        """The process and the upper bits of the counter, which change with every 1024th id."""

    def new(self, prefix: str) -> str:
        millisecond = time_ns() // 1_000_000
        if millisecond >> 10 != self._second:
            self._second = millisecond >> 10
            self._start = _text(self._second, 4)
        self._count += 1
        low = self._count & 1023
        if not low:
            self._middle = self._process + _text(self._count >> 10, 3)
        return f"{prefix}{self._start}{_PAIRS[millisecond & 1023]}{self._middle}{_PAIRS[low]}"


def _text(number: int, pairs: int) -> str:
    """The lowest `10 * pairs` bits of a number."""
    return "".join(_PAIRS[(number >> 10 * place) & 1023] for place in reversed(range(pairs)))
