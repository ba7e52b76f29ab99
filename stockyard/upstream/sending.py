"""One outgoing call: pause, resume and cancel it, and check its deadlines."""

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
    """A call that waits for a connection, or has one being opened, or is carried by one."""

    outgoing: Outgoing
    receiver: Receiver
    active: "set[Sending]"
    """The client's set of calls that are not over. The client adds it there."""
    started: float
    since: float
    """When the last wait for a free connection began."""
    connection: "Connection | None" = None
    dialling: "asyncio.Task[Connection] | None" = None
    over: bool = False
    paused: bool = False
    reused: bool = False
    """Whether its connection had carried other calls before."""
    connect_us: int = 0
    sent: bool = False
    """Whether any byte of the request may have left."""
    resent: bool = False
    decoded: bool = False
    """Whether `data` is decompressed; known when `head` is called."""

    __repr__ = object.__repr__  # what it holds refers to it, and to secrets

    def pause(self) -> None:
        """Stop reading from the provider. One more read (64 KiB) may still be delivered."""
        self.paused = True
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        self.paused = False
        if self.connection is not None:
            self.connection.resume()

    def cancel(self) -> None:
        """Abort at once. The Receiver is not called any more."""
        if not self.over:
            self._end()

    def fail(self, error: UpstreamError) -> None:
        if not self.over:
            self._end()
            # The frames in its traceback refer to us, and such a cycle would outlive the call.
            self.receiver.failed(error.with_traceback(None))

    def complete(self) -> None:
        """The connection has delivered the whole answer and released this call."""
        self.over = True
        self.active.discard(self)
        self.receiver.done()

    def check(self, now: float) -> None:
        """Fail the call if one of its deadlines has passed."""
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
