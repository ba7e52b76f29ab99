"""The part of a lane that collects request bodies until they are complete.

A small body arrives with its head and is never collected. Others are collected in memory, or in a
file if they may be large (`spool.py`), and have deadlines (`arriving.py`).
"""

from stockyard.gateway.arriving import Arriving
from stockyard.gateway.bodies import ChunkedBody, SizedBody
from stockyard.gateway.contract import Opening, Whole
from stockyard.gateway.http import CONTINUE, Head, HttpError
from stockyard.gateway.overload import LARGE_BODY
from stockyard.gateway.passing import Passing
from stockyard.gateway.phase import Phase
from stockyard.gateway.refusals import refused_by
from stockyard.gateway.spool import SpooledBody, spool_of


class Collecting(Passing):
    """The part of a Lane that collects bodies."""

    def _start(self, head: Head, opening: Opening, body: bytes) -> None:
        """The request is complete."""
        raise NotImplementedError

    def _answer_early(self, head: Head, whole: Whole, data: bytes) -> bytes:
        """Answer without reading the body, of which `data` has a part. Returns the bytes that
        follow the request."""
        raise NotImplementedError

    def _refuse(self, error: HttpError) -> None:
        """Answer an error of HTTP itself."""
        raise NotImplementedError

    def _await_body(self, head: Head, opening: Opening | None, data: bytes, length: int) -> bytes:
        """Collect a body that begins with `data`. Returns the bytes that follow it in `data`."""
        spool = spool_of(opening)
        if opening is not None and spool is None and self.front.refuses_body(length):
            error = HttpError(503, "memory", LARGE_BODY)
            return self._answer_early(head, opening.refuse(refused_by(error)), data)
        self._phase = Phase.BODY
        collected: SizedBody | ChunkedBody = SizedBody(length)
        if head.chunked:
            bound = self.limits.max_control_chunked_bytes if opening is None else opening.max_body
            collected = ChunkedBody(bound)
        body = collected if spool is None else SpooledBody(collected, spool)
        self._arriving = Arriving(head, opening, body, self.clock.now, self.limits)
        self.deadline = self._arriving.deadline
        if head.expects_continue:
            self.write(CONTINUE)
        return self._collect(self._arriving, data)

    def _collect(self, arriving: Arriving, data: bytes) -> bytes:
        """Add a piece to the body, and hand the body over once it is complete. Returns the bytes
        that follow it."""
        arriving.received += len(data)
        try:
            rest = arriving.body.feed(data)
        except HttpError as error:
            self._refuse(error)
            return b""
        if rest is None:
            return b""
        self._arriving = None
        body = arriving.body.complete()
        if arriving.opening is None:
            self._pass_on(arriving.head, body, collected=True)
        else:
            self._start(arriving.head, arriving.opening, body)
        return rest

    @property
    def announced(self) -> int:
        """The announced length of a body that is being collected in memory; 0 if there is none."""
        arriving = self._arriving
        spooled = arriving is None or spool_of(arriving.opening) is not None
        return 0 if spooled or arriving is None else arriving.head.length

    def _judge_body(self, arriving: Arriving) -> None:
        if self.read_paused:
            # We do not read, so the client is not to blame.
            arriving.forgive(self.clock.now)
        missed = arriving.missed(self.clock.now)
        if missed is None:
            self.deadline = arriving.deadline
            return
        self.front.timeouts[missed] += 1
        if self._phase is Phase.STREAM and self._inner is not None:
            if not self._inner.unanswered:
                self.abort()
                return
            self._leave_inner()
        self._refuse(HttpError(408, "HS01", "The body of the request took too long."))
