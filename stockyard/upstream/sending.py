"""One call on its way: what its maker may do to it, and which deadline it has passed."""

import asyncio
from typing import TYPE_CHECKING

from stockyard.errors import UpstreamError
from stockyard.upstream.outgoing import Outgoing, Receiver

if TYPE_CHECKING:
    from stockyard.upstream.connection import Connection

_LATE = {
    "timeout.pool": "No connection to the provider became free in time",
    "timeout.write": "The provider did not take the request in time",
    "timeout.first_byte": "The provider did not begin to answer in time",
    "timeout.idle": "The provider fell silent in the middle of its answer",
    "timeout.total": "The call took too long",
}


class Sending:
    """It waits for a connection, or one is being opened for it, or a connection carries it."""

    __slots__ = (
        "_active",
        "connect_us",
        "connection",
        "decoded",
        "dialling",
        "outgoing",
        "over",
        "paused",
        "receiver",
        "resent",
        "reused",
        "sent",
        "since",
        "started",
    )

    def __init__(
        self, outgoing: Outgoing, receiver: Receiver, active: "set[Sending]", now: float
    ) -> None:
        self.outgoing = outgoing
        self.receiver = receiver
        self._active = active
        self.connection: Connection | None = None
        self.dialling: asyncio.Task[Connection] | None = None
        self.started = self.since = now
        """`since`: when the last wait for a free connection began."""
        self.over = False
        self.paused = False
        self.reused = False
        """Whether a connection carried it that had carried other calls."""
        self.connect_us = 0
        self.sent = False
        """Whether any byte of the request may have left."""
        self.resent = False
        self.decoded = False
        """Whether `data` is decompressed; known when `head` is called."""
        active.add(self)

    def pause(self) -> None:
        """Stop reading from the provider; one read more (64 KiB) may still arrive."""
        self.paused = True
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        self.paused = False
        if self.connection is not None:
            self.connection.resume()

    def cancel(self) -> None:
        """Hang up at once; the Receiver hears nothing more."""
        if not self.over:
            self._end()

    def fail(self, error: UpstreamError) -> None:
        if not self.over:
            self._end()
            self.receiver.failed(error)

    def complete(self) -> None:
        """The connection has handed on the whole answer and let go of this call."""
        self.over = True
        self._active.discard(self)
        self.receiver.done()

    def check(self, now: float) -> None:
        """End the call if one of its deadlines has passed."""
        timer = self._overdue(now)
        if timer is not None:
            late = _LATE[timer]
            self.fail(
                UpstreamError(
                    "timeout", f"{late} ({timer}).", timer=timer, nothing_sent=not self.sent
                )
            )

    def _overdue(self, now: float) -> str | None:
        timers = self.outgoing.timers
        if now - self.started > timers.total_seconds:
            return "timeout.total"
        if self.connection is not None:
            return None if self.paused else self.connection.overdue(now, timers)
        if self.dialling is None and now - self.since > timers.pool_seconds:
            return "timeout.pool"
        return None

    def _end(self) -> None:
        self.over = True
        self._active.discard(self)
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.drop()
        elif self.dialling is not None:
            self.dialling.cancel()
        else:
            waiting = self.outgoing.origin.pool.waiting
            if self in waiting:
                waiting.remove(self)
