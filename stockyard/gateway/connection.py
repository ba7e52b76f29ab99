"""Move bytes to and from one client: with back-pressure, and a close that loses nothing.

Closing a socket while unread bytes wait in it makes the system send a reset, which may destroy an
answer that is still on its way. So a connection is closed in two steps: our side first, then, once
the client has closed its own side or a second has passed, the rest (`linger`).
"""

import asyncio
from typing import cast

from stockyard.core.outbox import Outlet
from stockyard.gateway.contract import Peer
from stockyard.gateway.deadlines import NEVER, Pace
from stockyard.gateway.front import Front
from stockyard.gateway.proxies import plain


class Connection(asyncio.Protocol):
    transport: asyncio.Transport
    outlet: Outlet
    peer: Peer
    proxied: bool
    """Whether the peer is a proxy that says who calls through it."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.limits = front.limits
        self.clock = front.clock
        self.deadline = NEVER
        """When `overdue` is to be called, on the clock of `deadlines.py`."""
        self.finished = False
        """Whether the client has closed its side and sends nothing more."""
        self.write_paused = False
        self._sent = 0
        self._pace: Pace | None = None
        self._read_paused = False
        self._ignored = 0

    def take(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a new socket. TCP_NODELAY has been set on it by uvloop or asyncio."""
        # uvloop's transports do not declare that they are such.
        self.transport = cast(asyncio.Transport, transport)
        self.outlet = Outlet(self.transport, self.front.outbox)
        self.peer = _peer(self.transport)
        self.proxied = self.front.proxies.trusts(self.peer.address)
        self.transport.set_write_buffer_limits(
            self.limits.write_high_bytes, self.limits.write_low_bytes
        )

    def write(self, data: bytes) -> None:
        self._sent += len(data)
        self.outlet.put(data)

    def undelivered(self) -> int:
        """How many written bytes the client has not received yet, as far as we know."""
        self.outlet.flush()
        return self.transport.get_write_buffer_size()

    def watch_writes(self) -> float:
        """Begin to measure how fast the client reads. Returns the deadline for `judge_writes`."""
        self._pace = Pace(
            self.clock.now,
            self._delivered(),
            self.limits.write_stall_s,
            self.limits.write_min_rate_bytes_per_s,
        )
        return self._pace.until

    def judge_writes(self) -> None:
        """Abort the connection if the client reads too slowly, else set the next deadline."""
        if self._pace is None or not self.undelivered():
            self.deadline = NEVER
        elif self._pace.too_slow(self.clock.now, self._delivered()):
            self.front.timeouts["http.write_stall"] += 1
            self.abort()
        else:
            self.deadline = self._pace.until

    def pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()

    @property
    def read_paused(self) -> bool:
        return self._read_paused

    def linger(self) -> None:
        """Close our side. Data that still arrives is to be passed to `ignore`."""
        self.watch_writes()
        self.deadline = self.clock.now + self.limits.drain_timeout_s
        if self.transport.is_closing():
            return
        self.resume_reading()
        if self.finished or not self.transport.can_write_eof():
            self.close()
        else:
            self.outlet.flush()
            self.transport.write_eof()

    def ignore(self, data: bytes) -> None:
        self._ignored += len(data)
        if self._ignored > self.limits.drain_bytes:
            self.pause_reading()

    def lingered(self) -> None:
        """The time to linger is over: abort, unless the client is still reading its answer."""
        if not self.undelivered():
            self.abort()
            return
        self.judge_writes()
        self.deadline = min(self.deadline, self.clock.now + self.limits.drain_timeout_s)

    def close(self) -> None:
        """Close the connection once everything is written."""
        self.outlet.flush()
        self.transport.close()

    def abort(self) -> None:
        self.outlet.drop()
        self.transport.abort()

    def _delivered(self) -> int:
        return self._sent - self.undelivered()


def _peer(transport: asyncio.Transport) -> Peer:
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        # A Unix socket: a client on this machine.
        return Peer("", 0, loopback=True)
    address = plain(str(name[0]))
    return Peer(address, int(name[1]), address.startswith("127.") or address == "::1")
