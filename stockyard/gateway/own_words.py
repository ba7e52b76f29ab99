"""Messages of our own to one side of a realtime session, between those that pass."""

from stockyard.upstream.frames import TEXT, Frame

MOST_WAITING = 64
"""Messages of our own that wait at a time. Further ones are dropped."""


class OwnWords:
    """Queues our messages to one side.

    They are not sent in the middle of a message that comes in fragments, nor while that side reads
    slowly: it might cause more of them than it ever reads. Each method returns the frames that may
    be sent now.
    """

    def __init__(self) -> None:
        self.slow = False
        """That side reads slowly."""
        self._midway = False
        """A message to that side is incomplete."""
        self._waiting: list[Frame] = []

    def say(self, message: bytes) -> list[Frame]:
        """We have a message for that side."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(Frame(TEXT, message))
        return self._free()

    def after(self, frame: Frame) -> list[Frame]:
        """A frame of a message was passed to that side."""
        self._midway = not frame.final
        return self._free()

    def ready(self) -> list[Frame]:
        """That side reads again."""
        self.slow = False
        return self._free()

    def _free(self) -> list[Frame]:
        if self._midway or self.slow:
            return []
        free, self._waiting = self._waiting, []
        return free
