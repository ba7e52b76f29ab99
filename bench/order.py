"""What a call orders from the pretend provider, encoded in its prompt.

The order opens the prompt and a mark closes it, so the provider sees when a prompt was cut. It
carries a number used once, which must come back: a cached or swapped answer is not an answer.
"""

from dataclasses import dataclass
from functools import lru_cache

OPENING, END = b"[[bench ", b"[[end]]"
NONCE = b"0" * 16
"""Stands where each call puts its own sixteen hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Order:
    """How to answer."""

    wait_ms: int = 0
    """Before the first byte."""
    tokens: int = 16
    """In a stream."""
    gap_ms: int = 0
    """Between tokens."""
    size: int = 128
    """Bytes of text in a whole answer."""

    def mark(self) -> str:
        numbers = f"{self.wait_ms} {self.tokens} {self.gap_ms} {self.size}"
        return f"{OPENING.decode()}{NONCE.decode()} {numbers}]]"


def order_in(body: bytes) -> tuple[bytes, Order] | None:
    """The nonce and order in a request; None when it holds none, or was cut."""
    at = body.find(OPENING)
    if at < 0 or body.rfind(END) < at:
        return None
    start = at + len(OPENING)
    middle = start + len(NONCE)
    stop = body.find(b"]]", middle, middle + 64)
    order = _read(body[middle:stop]) if stop > 0 else None
    return None if order is None else (body[start:middle], order)


@lru_cache(maxsize=256)
def _read(numbers: bytes) -> Order | None:
    try:
        return Order(*map(int, numbers.split()))
    except (TypeError, ValueError):
        return None
