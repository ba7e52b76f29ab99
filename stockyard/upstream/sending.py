"""One call on its way: what its maker may do to it, and which deadline it has passed."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

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


class Sending(msgspec.Struct, eq=False):
    """It waits for a connection, or one is being opened for it, or a connection carries it."""

    outgoing: Outgoing
    receiver: Receiver
    active: "set[Sending]"
    """Where it stands while it is not over: its maker puts it there."""
    started: float
    since: float
    """When the last wait for a free connection began."""
    connection: "Connection | None" = None
    dialling: "asyncio.Task[Connection] | None" = None
    over: bool = False
    paused: bool = False
    reused: bool = False
    """Whether a connection carried it that had carried other calls."""
    connect_us: int = 0
    sent: bool = False
    """Whether any byte of the request may have left."""
    resent: bool = False
    decoded: bool = False
    """Whether `data` is decompressed; known when `head` is called."""

    __repr__ = object.__repr__  # what it holds refers to it, and to secrets

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
            # The frames in its traceback refer to us: a cycle would outlive the call.
            self.receiver.failed(error.with_traceback(None))

    def complete(self) -> None:
        """The connection has handed on the whole answer and let go of this call."""
        self.over = True
        self.active.discard(self)
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
        self.active.discard(self)
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.drop()
        elif self.dialling is not None:
            self.dialling.cancel()
        else:
            waiting = self.outgoing.origin.pool.waiting
            if self in waiting:
                waiting.remove(self)
