"""Give one more caller the answer to a call that another one makes, or made before.

The bytes are those that the first caller got, from the beginning on: nothing is decoded, so nothing
can edit them. A reader is fed in a turn of the event loop of its own. So what goes wrong with one
cannot touch the others, and pieces that come together leave together.
"""

import asyncio
from collections import deque

from stockyard.core.claim import Claim
from stockyard.core.stream import RawSink, Sink, Stream
from stockyard.errors import Refused, StockyardError

BATCH_BYTES = 64 * 1024
TOO_SLOW = "The answer was read too slowly to be shared with those who ask for it as well."
NOT_DECODED = "The answer to a repeated call is not decoded, and a module wants to read it whole."


class Redelivery(Stream):
    """One reader of a Claim. A Stream that can be started as raw only."""

    def __init__(self, claim: Claim, reader_id: str) -> None:
        self.claim = claim
        self.paused = True  # nobody takes anything before the start
        self.behind_bytes = sum(map(len, claim.pieces))
        self.was_cut_off = False
        self._id = reader_id
        self._waiting = deque(claim.pieces)
        self._sink: RawSink | None = None
        self._is_due = False
        if not claim.is_over:
            claim.join(reader_id, self)

    # As a Stream

    def start(self, sink: Sink) -> None:
        self.cancel()
        sink.failed(Refused(409, "idempotency_no_result", NOT_DECODED))

    def start_raw(self, sink: RawSink) -> None:
        self._sink = sink
        self.resume()

    def pause(self) -> None:
        self.paused = True
        self.claim.reader_paused()

    def resume(self) -> None:
        self.paused = False
        self.claim.reader_paused()
        self.wake()

    def cancel(self) -> None:
        self._sink = None
        self._waiting.clear()
        self.claim.leave(self._id)

    # As a Reader

    def feed(self, piece: bytes) -> None:
        self._waiting.append(piece)
        self.behind_bytes += len(piece)
        self.wake()

    def wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._give)

    def cut_off(self) -> None:
        self.was_cut_off = True
        self._waiting.clear()
        self.claim.leave(self._id)
        self.wake()

    def _give(self) -> None:
        self._is_due = False
        while self._sink is not None and self._waiting and not self.paused:
            self._sink.data(self._batch())
        if self._sink is None or self._waiting:
            return
        if self.was_cut_off:
            self._end(Refused(504, "stream_stalled", TOO_SLOW))
        elif self.claim.is_over:
            self._end(self.claim.error)

    def _batch(self) -> bytes:
        pieces = [self._waiting.popleft()]
        size = len(pieces[0])
        while self._waiting and size + len(self._waiting[0]) <= BATCH_BYTES:
            pieces.append(self._waiting.popleft())
            size += len(pieces[-1])
        self.behind_bytes -= size
        return b"".join(pieces)

    def _end(self, error: StockyardError | None) -> None:
        sink, self._sink = self._sink, None
        self.claim.leave(self._id)
        if sink is None:
            return
        if error is None:
            sink.done()
        else:
            sink.failed(error)
