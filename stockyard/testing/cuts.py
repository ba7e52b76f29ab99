"""Ways to cut bytes into the pieces that are sent one by one."""

import random
import re
from collections.abc import Callable, Iterable
from itertools import pairwise

Cuts = Callable[[bytes], list[bytes]]


def cut_at(*offsets: int) -> Cuts:
    """At these offsets; a negative one counts from the end."""

    def cut(data: bytes) -> list[bytes]:
        return _between(data, (o if o >= 0 else len(data) + o for o in offsets))

    return cut


def cut_every(size: int) -> Cuts:
    """Into pieces of `size` bytes; 1 for byte by byte."""
    return lambda data: _between(data, range(size, len(data), size))


def cut_randomly(seed: int, *, pieces: int = 20) -> Cuts:
    """At random offsets, into at most so many pieces; the same ones for the same seed."""

    def cut(data: bytes) -> list[bytes]:
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        return _between(data, (chance.randrange(len(data) + 1) for _ in range(pieces - 1)))

    return cut


_BORDERS = re.compile(rb"\r?\n\r?\n|\r\n|\n|:event-type|\xf0\x9f|\\\\")
"""Places where readers of frames go wrong: ends of lines and events, names in binary frames, and
the insides of characters and escapes."""


def cut_nastily(seed: int, *, borders: int = 6, pieces: int = 10) -> Cuts:
    """Byte by byte around some ends of frames, and anywhere else at random; repeatable."""

    def cut(data: bytes) -> list[bytes]:
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        ends = [found.end() for found in _BORDERS.finditer(data)]
        chosen = [*chance.sample(ends, min(borders, len(ends))), 0, len(data)]
        around = {end + step for end in chosen for step in range(-3, 3)}
        around |= {chance.randrange(len(data) + 1) for _ in range(pieces)}
        return _between(data, around)

    return cut


def _between(data: bytes, offsets: Iterable[int]) -> list[bytes]:
    inside = {o for o in offsets if 0 < o < len(data)}
    return [data[a:b] for a, b in pairwise(sorted({0, len(data)} | inside))]
