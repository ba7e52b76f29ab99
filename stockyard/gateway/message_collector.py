"""Join the frames of WebSocket messages that are watched while they pass."""

from collections.abc import Container

from stockyard.upstream.frames import CONTINUATION, Frame

MOST_BYTES = 1024 * 1024
"""The longest message that is watched; those that end answers are far shorter."""


class MessageCollector:
    """Collects one message after another. Messages of other kinds, and longer ones, are skipped."""

    def __init__(self, kinds: Container[int]) -> None:
        self._kinds = kinds
        self._pieces: list[bytes] | None = None
        """The current message; None if it is skipped."""
        self._size = 0

    def add(self, frame: Frame) -> bytes | None:
        """The message that this frame completes, if any."""
        if frame.kind != CONTINUATION:
            self._pieces = [] if frame.kind in self._kinds else None
            self._size = 0
        if self._pieces is None:
            return None
        self._size += len(frame.data)
        self._pieces.append(frame.data)
        if self._size > MOST_BYTES:
            self._pieces = None
            return None
        if not frame.final:
            return None
        pieces, self._pieces = self._pieces, None
        return b"".join(pieces)
