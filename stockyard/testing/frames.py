"""The pieces an answer is sent in, each with its meaning, so that a script can cut between them."""

import re
from dataclasses import dataclass
from typing import Literal

FrameKind = Literal["open", "content", "finish", "usage", "end"]
"""Lifecycle before any content, content, the finish, the token counts, the terminator."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream, or a whole body."""

    kind: FrameKind
    data: bytes
    pause: float = 0.0
    """Seconds of silence before it."""


# A blank line in any of the three spellings ends an event; LF LF also stands inside CRLF files.
_BLANK_LINE = re.compile(rb"(?<=\r\n\r\n)|(?<=\n\n)|(?<=\r\r)")


def frames_of(stream: bytes) -> list[Frame]:
    """Raw event-stream bytes, cut after each event. Joined again they are the same bytes."""
    return [Frame("content", event) for event in _BLANK_LINE.split(stream) if event]
