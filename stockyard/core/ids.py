"""Ids that sort by time: 26 characters of Crockford's base 32 behind a prefix, as a ULID.

48 bits of milliseconds, 42 random bits for each millisecond, and 40 bits that count within it. They
are names, not secrets.
"""

from random import Random
from time import time_ns

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
"""Every value of 10 bits as two characters."""


class Ids:
    """Makes ids. One per process; not for use from several threads."""

    __slots__ = ("_count", "_millisecond", "_random", "_start")

    def __init__(self) -> None:
        self._random = Random()  # noqa: S311  # seeded by the system; ids are names, not secrets
        self._millisecond = 0
        self._start = ""
        self._count = 0

    def new(self, prefix: str) -> str:
        millisecond = time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            high = (millisecond << 42) | self._random.getrandbits(42)
            self._start = "".join(_PAIRS[(high >> shift) & 1023] for shift in range(80, -1, -10))
            self._count = 0
        self._count = count = self._count + 1
        return (
            f"{prefix}{self._start}"
            f"{_PAIRS[(count >> 30) & 1023]}{_PAIRS[(count >> 20) & 1023]}"
            f"{_PAIRS[(count >> 10) & 1023]}{_PAIRS[count & 1023]}"
        )
