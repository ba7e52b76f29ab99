"""A Reply that watches an answer while it passes unchanged to the client."""

from abc import ABC, abstractmethod

from stockyard.core.exchange import Exchange
from stockyard.gateway.contract import Reply


class WatchingReply(ABC):
    """Subclasses decide what to look for, and what to do with it."""

    counts = False
    """Whether it looks for usage, so that the answer must be read to its end (`reading_on.py`)."""

    def __init__(self, reply: Reply) -> None:
        self.x: Exchange | None = None
        """The call that is answered, once it exists."""
        self._reply = reply

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._began(status, fields)
        self._passed(body)
        self._ended()
        self._reply.whole(status, fields, body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._began(status, fields)
        self._passed(first)
        self._reply.begin(status, fields, first)

    def push(self, data: bytes) -> None:
        self._passed(data)
        self._reply.push(data)

    def finish(self, last: bytes = b"") -> None:
        self._passed(last)
        self._ended()
        self._reply.finish(last)

    def cut(self) -> None:
        self._reply.cut()

    @abstractmethod
    def _began(self, status: int, fields: bytes) -> None:
        """An answer begins, with this head."""

    @abstractmethod
    def _passed(self, data: bytes) -> None:
        """A piece of it is about to pass."""

    def _ended(self) -> None:
        """The answer is complete. Not called for one that was cut off."""
        return  # optional
