"""One line of a script: an answer, and everything that is odd about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stockyard.testing.cuts import Cuts
from stockyard.testing.frames import FrameKind
from stockyard.testing.steps import HangUp, Stall
from stockyard.testing.turn import Failure, Turn

Framing = Literal["chunked", "length", "close"]
"""How the end of a body is told: by chunks, by its length, or by closing the connection."""

Point = (
    int
    | Literal[
        "nothing",
        "half_status_line",
        "half_header",
        "head",
        "open",
        "half_chunk_size",
        "half_chunk_data",
        "half_event",
        "half_character",
        "first_content",
        "content",
        "finish",
        "usage",
        "end",
    ]
)
"""How much of an answer has been sent: so many events, or everything up to what is named.

`open` is the lifecycle before any content, `content` all of it, `end` the terminator. The halves
are of the first content. `nothing` to `head` also make sense for whole answers.
"""


@dataclass(frozen=True, slots=True)
class Body:
    """An answer given as bytes: its status, headers and body, in no format."""

    status: int
    headers: tuple[tuple[str, str], ...]
    data: bytes
    events: bool = False
    """True for event-stream bytes: they are chunked, and counted event by event."""


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes for the wire as they are, head included."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop sending after a point or so many bytes of the body, and stall or hang up there."""

    after: Point | None
    after_bytes: int | None
    then: Stall | HangUp


Frames = bytes | Mapping[str, bytes]
"""Bytes between two events, the same for all callers or by the name of their format."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Bytes, or an error in the caller's format, between the events of a stream."""

    after: Point
    what: Frames | Failure
    repeat_every: float | None = None
    """Seconds between repeats without end; None to insert once."""
    instead_of_the_rest: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """One line of the script: what is said, and everything that is odd about it."""

    says: Turn | Failure | Body | Wire
    headers: tuple[tuple[str, str | None], ...] = ()
    interims: tuple[int, ...] = ()
    framing: Framing | None = None
    gzip: Literal["no", "asked", "always"] = "no"
    cuts: Cuts | None = None
    halt: Halt | None = None
    insertions: tuple[Insertion, ...] = ()
    dropped: frozenset[FrameKind] = frozenset()
    doubled: frozenset[FrameKind] = frozenset()
    counts_after_end: bool = False
    counts_unasked: bool = False
    before: float = 0.0
    between: float = 0.0
    pauses: Mapping[FrameKind, float] = field(default_factory=dict)
    drip: tuple[int, float] | None = None
    closes: bool = False
    accepts: bool = True
    """False: the connection is accepted and then not even read."""
