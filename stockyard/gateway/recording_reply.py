"""A Reply that records what its client is sent, for those who repeat the call.

If the client reads slowly while others wait for the same answer, they need not wait for it: what it
cannot take yet waits here. That is in memory once, as long as the record is kept; afterwards the
client is cut off when too much waits.
"""

from collections import deque
from collections.abc import Callable

from stockyard.core.claim import MAX_BEHIND_BYTES, Claim
from stockyard.core.exchange import Exchange
from stockyard.errors import StockyardError
from stockyard.gateway import egress
from stockyard.gateway.contract import Reply
from stockyard.gateway.refusals import internal


class RecordingReply:
    def __init__(self, reply: Reply, x: Exchange) -> None:
        self._reply = reply
        self._x = x
        self._paused = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._end: Callable[[], None] | None = None
        """How the answer ends, if that has to wait as well."""

    @property
    def _claim(self) -> Claim | None:
        """The Claim for which this call is made; None if it repeats another one."""
        return None if self._x.repeats else self._x.claim

    @property
    def _error(self) -> StockyardError | None:
        """Why the answer is not complete."""
        error = self._x.error
        return error if error is None or isinstance(error, StockyardError) else internal()

    def whole(self, status: int, fields: bytes, body: bytes) -> None:
        claim, error = self._claim, self._error
        if claim is not None:
            if error is None:
                claim.is_whole = True
                self._begin(claim, status, fields, body)
            claim.end(error)
        self._reply.whole(status, fields, body)

    def begin(self, status: int, fields: bytes, first: bytes) -> None:
        self._reply.begin(status, fields, first)
        claim = self._claim
        if claim is not None:
            self._begin(claim, status, fields, first)

    def _begin(self, claim: Claim, status: int, fields: bytes, first: bytes) -> None:
        shared = fields.removesuffix(egress.own_fields(self._x))
        claim.begin(status, shared, self._x.target)
        claim.add(first)

    def push(self, data: bytes) -> None:
        claim = self._claim
        if claim is None:
            self._reply.push(data)
        elif data:
            self._write(data, claim)
            claim.add(data)

    def finish(self, last: bytes = b"") -> None:
        claim = self._claim
        if self._waiting:
            self._waiting.append(last)
            self._end = self._reply.finish
        else:
            self._reply.finish(last)
        if claim is not None:
            if last:
                claim.add(last)
            claim.end(self._error)

    def cut(self) -> None:
        if self._waiting:
            self._end = self._reply.cut
        else:
            self._reply.cut()
        claim = self._claim
        if claim is not None:
            claim.end(self._error or internal(), cut=True)

    # The client reads slowly

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        while self._waiting and not self._paused:  # a write may pause us again
            piece = self._waiting.popleft()
            self._waiting_bytes -= len(piece)
            self._reply.push(piece)
        if self._end is not None and not self._waiting:
            end, self._end = self._end, None
            end()

    def _write(self, data: bytes, claim: Claim) -> None:
        if not self._paused and not self._waiting:
            self._reply.push(data)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MAX_BEHIND_BYTES and not claim.is_kept:
            self._waiting.clear()
            self._paused = False  # what follows goes nowhere
            self._reply.cut()
            claim.first_cut_off()
