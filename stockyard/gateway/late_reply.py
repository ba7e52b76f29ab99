"""A Reply that looks in what it passes on for usage that nobody was told before."""

from collections.abc import Callable

from stockyard.core.exchange import Exchange
from stockyard.gateway.contract import Reply
from stockyard.wire.late_usage import Reader, Use


class LateReply:
    """What was told counts once all of it has come, and not when it was cut off."""

    def __init__(
        self, reply: Reply, reader: Reader, tell: Callable[[Exchange, list[Use]], None]
    ) -> None:
        self.x: Exchange | None = None
        """The call that asks, as soon as there is one."""
        self._reply = reply
        self._reader = reader
        self._tell = tell
        self._reads = False

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        self._reads = status == 200
        self._end(body)
        self._reply.whole(status, fields, body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._reads = status == 200
        self._look(first)
        self._reply.begin(status, fields, first)

    def push(self, data: bytes) -> None:
        self._look(data)
        self._reply.push(data)

    def finish(self, last: bytes = b"") -> None:
        self._end(last)
        self._reply.finish(last)

    def cut(self) -> None:
        self._reply.cut()

    def _look(self, data: bytes) -> None:
        if self._reads:
            self._reader.feed(data)

    def _end(self, last: bytes) -> None:
        self._look(last)
        if self._reads and self.x is not None:
            uses = self._reader.uses()
            if uses:
                self._tell(self.x, uses)
