"""A Reply in front of the client's that looks at an answer while it passes, as it came."""

from abc import ABC, abstractmethod

from stockyard.core.exchange import Exchange
from stockyard.gateway.contract import Reply


class WatchingReply(ABC):
    """What is looked for, and what becomes of it, is for those who extend it."""

    counts = False
    """Whether what is looked for must be paid, so that all of it has to come."""

    def __init__(self, reply: Reply) -> None:
        self.x: Exchange | None = None
        """The call that is answered, as soon as there is one."""
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
        """All of it has come. Not called for an answer that was cut off."""
        return  # not everybody waits for that
