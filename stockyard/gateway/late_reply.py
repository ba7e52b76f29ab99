"""A Reply that searches the answer for usage of earlier calls."""

from collections.abc import Callable

from stockyard.core.exchange import Exchange
from stockyard.gateway.contract import Reply
from stockyard.gateway.watching_reply import WatchingReply
from stockyard.wire.late_usage import UsageReader, Use


class LateReply(WatchingReply):
    """Reports the usage once the answer is complete, and not if it was cut off."""

    counts = True

    def __init__(
        self, reply: Reply, reader: UsageReader, tell: Callable[[Exchange, list[Use]], None]
    ) -> None:
        super().__init__(reply)
        self._reader = reader
        self._tell = tell
        self._reads = False

    def _began(self, status: int, fields: bytes) -> None:
        self._reads = status == 200

    def _passed(self, data: bytes) -> None:
        if self._reads:
            self._reader.feed(data)

    def _ended(self) -> None:
        if self._reads and self.x is not None and (uses := self._reader.uses()):
            self._tell(self.x, uses)
