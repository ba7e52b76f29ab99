"""Write one answer to one client, and detach from the connection when the answer is complete.

Each request has its own Reply, so that a late write for an earlier answer cannot end up in the
middle of the next one.
"""

import asyncio
from typing import TYPE_CHECKING

from stockyard.gateway.http import BODILESS, STATUS_LINES

if TYPE_CHECKING:
    from stockyard.gateway.lane import Lane

CLOSE = b"connection: close\r\n"


class LaneReply:
    __slots__ = ("_bare", "_chunked", "_http11", "_is_head", "_keep_alive", "_lane")

    def __init__(self, lane: "Lane", method: str, *, http11: bool, keep_alive: bool) -> None:
        self._lane: Lane | None = lane
        self._is_head = method == "HEAD"
        self._http11 = http11
        self._keep_alive = keep_alive
        self._chunked = False
        self._bare = False

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        lane = self._lane
        if lane is None:
            return
        self._lane = None
        keep = self._keep_alive and not lane.front.draining
        close = b"" if keep else CLOSE
        if not self._is_head and status not in BODILESS:
            lane.write(
                b"%b%b%bcontent-length: %d\r\n\r\n%b"
                % (STATUS_LINES[status], fields, close, len(body), body)
            )
        elif self._is_head:
            lane.write(
                b"%b%b%bcontent-length: %d\r\n\r\n"
                % (STATUS_LINES[status], fields, close, len(body))
            )
        else:
            lane.write(b"%b%b%b\r\n" % (STATUS_LINES[status], fields, close))
        lane.answered(keep_alive=keep)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        """Begin a stream. Pieces that follow in the same turn of the loop leave in the same
        write."""
        lane = self._lane
        if lane is None:
            return
        # If a drain begins during the stream, `finish` ends the connection.
        self._keep_alive = self._keep_alive and not lane.front.draining
        head = STATUS_LINES[status] + fields
        if not self._keep_alive:
            head += CLOSE
        if self._is_head or status in BODILESS:
            self._bare = True
            lane.write(head + b"\r\n")
        elif self._http11:
            self._chunked = True
            head += b"transfer-encoding: chunked\r\n\r\n"
            lane.write(b"%b%x\r\n%b\r\n" % (head, len(first), first) if first else head)
        else:
            lane.write(b"%b\r\n%b" % (head, first))

    def push(self, data: bytes) -> None:
        lane = self._lane
        if lane is None or not data or self._bare:
            return
        lane.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def finish(self, last: bytes = b"") -> None:
        lane = self._lane
        if lane is None:
            return
        self._lane = None
        if self._chunked:
            last = b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n"
        if last and not self._bare:
            lane.write(last)
        lane.answered(keep_alive=self._keep_alive and not lane.front.draining)

    def switch(self, fields: bytes, protocol: asyncio.Protocol) -> bool:
        """Answer 101 and switch the connection to another protocol. False if the client has
        gone."""
        lane = self._lane
        if lane is None:
            return False
        self._lane = None
        lane.write(b"%b%b\r\n" % (STATUS_LINES[101], fields))
        lane.switched(protocol)
        return True

    def cut(self) -> None:
        lane = self._lane
        if lane is None:
            return
        self._lane = None
        if self._chunked:
            # What was written still arrives; the last chunk is missing, so it counts as incomplete.
            lane.answered(keep_alive=False)
        else:
            lane.outlet.flush()
            lane.abort()

    def detach(self) -> None:
        """The client has gone: from here on every method does nothing."""
        self._lane = None
