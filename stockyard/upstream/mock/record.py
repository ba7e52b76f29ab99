"""All calls that the mock provider got, to compare what Stockyard counted with."""

from collections import deque
from collections.abc import Iterator
from struct import Struct as Packing
from typing import Literal

from msgspec import Struct

KEPT = 100_000
LONGEST_MODEL = 128

Outcome = Literal["ok", "error", "cut", "cancelled"]
_OUTCOMES: tuple[Outcome, ...] = ("ok", "error", "cut", "cancelled")
_FORMATS = (
    "openai.chat",
    "anthropic.messages",
    "openai.embeddings",
    "cohere.rerank",
    "openai.moderations",
    "openai.speech",
    "openai.transcriptions",
    "openai.images",
)
_PACKING = Packing("<QHBBB4I")


class MockCall(Struct, frozen=True, kw_only=True):
    at_ms: int
    model: str
    """The requested name, without `mock/`."""
    format: str
    streamed: bool
    status: int
    outcome: Outcome
    input_tokens: int
    output_tokens: int
    """Of the part that was sent."""
    bytes_in: int
    """Of the request's body."""
    bytes_out: int


class Totals(Struct, frozen=True):
    """Sums of all calls since the start, including those that were forgotten."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class Record:
    """Remembers the last calls, in about 150 bytes each."""

    __slots__ = ("_calls", "_rows", "_sums")

    def __init__(self, kept: int = KEPT) -> None:
        self._rows: deque[bytes] = deque(maxlen=kept)
        self._calls = 0
        self._sums = [0, 0, 0, 0]

    def add(self, call: MockCall) -> None:
        amounts = (call.input_tokens, call.output_tokens, call.bytes_in, call.bytes_out)
        packed = _PACKING.pack(
            call.at_ms,
            call.status,
            _OUTCOMES.index(call.outcome),
            _FORMATS.index(call.format),
            call.streamed,
            *(min(amount, 0xFFFF_FFFF) for amount in amounts),
        )
        self._rows.append(packed + call.model[:LONGEST_MODEL].encode())
        self._calls += 1
        for at, amount in enumerate(amounts):
            self._sums[at] += amount

    def __len__(self) -> int:
        return len(self._rows)

    def calls(self) -> Iterator[MockCall]:
        """The remembered calls, newest first."""
        return map(_unpacked, reversed(self._rows))

    @property
    def totals(self) -> Totals:
        return Totals(self._calls, *self._sums)


def _unpacked(row: bytes) -> MockCall:
    at_ms, status, outcome, format_, streamed, *amounts = _PACKING.unpack_from(row)
    return MockCall(
        at_ms=at_ms,
        model=row[_PACKING.size :].decode(),
        format=_FORMATS[format_],
        streamed=bool(streamed),
        status=status,
        outcome=_OUTCOMES[outcome],
        input_tokens=amounts[0],
        output_tokens=amounts[1],
        bytes_in=amounts[2],
        bytes_out=amounts[3],
    )
