"""The connection pool of one origin: idle connections, the number of open ones, waiting calls.

The connection used last is used next, so that the others can age and close. When all are busy and
no more may be opened, calls wait in order of arrival.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from stockyard.errors import UpstreamError

if TYPE_CHECKING:
    from stockyard.upstream.connection import Connection
    from stockyard.upstream.sending import Sending


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True):
    per_origin: int = 1000
    """Connections at once, including those that are being opened."""
    waiting_per_origin: int = 1000
    idle_per_origin: int = 256
    idle_close_seconds: float = 60.0
    max_age_seconds: float = 600.0


class Pool:
    __slots__ = ("_dial", "_limits", "idle", "open", "waiting")

    def __init__(self, limits: ClientLimits, dial: "Callable[[Sending], None]") -> None:
        self._limits = limits
        self._dial = dial
        """Opens a connection for a call, and calls `not_opened` if that fails."""
        self.idle: list[Connection] = []
        self.open = 0
        self.waiting: deque[Sending] = deque()

    def take(self, now: float) -> "Connection | None":
        """An idle connection that may carry a call now."""
        while self.idle:
            connection = self.idle.pop()
            if connection.is_open and now - connection.opened_at < self._limits.max_age_seconds:
                return connection
            connection.close()
        return None

    def seek(self, sending: "Sending") -> UpstreamError | None:
        """Open a connection for a call, or let it wait for one. Returns an error if too many
        wait."""
        if self.open < self._limits.per_origin:
            self.open += 1
            self._dial(sending)
        elif len(self.waiting) < self._limits.waiting_per_origin:
            self.waiting.append(sending)
        else:
            return UpstreamError(
                "timeout",
                "Too many calls wait for a connection to the provider.",
                timer="timeout.pool",
                nothing_sent=True,
            )
        return None

    def give_back(self, connection: "Connection", now: float) -> None:
        """A connection is free: give it to the call that has waited longest, or keep it idle."""
        aged = now - connection.opened_at >= self._limits.max_age_seconds
        if aged or not connection.is_open:
            connection.close()
        elif self.waiting:
            connection.carry(self.waiting.popleft(), now)
        else:
            connection.idle_since = now
            self.idle.append(connection)
            if len(self.idle) > self._limits.idle_per_origin:
                self.idle.pop(0).close()

    def lost(self, connection: "Connection") -> None:
        """A connection is closed for good."""
        if connection in self.idle:
            self.idle.remove(connection)
        self.not_opened()

    def not_opened(self) -> None:
        """There is room for one more connection."""
        self.open -= 1
        if self.waiting and self.open < self._limits.per_origin:
            self.open += 1
            self._dial(self.waiting.popleft())

    def close(self) -> None:
        """Close all idle connections. Only called when no call waits any more."""
        while self.idle:
            self.idle.pop().close()

    def tidy(self, now: float) -> None:
        """Close connections that have been idle too long or are too old."""
        limits = self._limits
        for connection in [*self.idle]:
            rested = now - connection.idle_since >= limits.idle_close_seconds
            if rested or now - connection.opened_at >= limits.max_age_seconds:
                self.idle.remove(connection)
                connection.close()
