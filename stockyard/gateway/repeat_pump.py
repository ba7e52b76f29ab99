"""Carry the answer of another call to a client that repeats that call.

The bytes are written as the first client got them, its comments and the error event included; only
the header lines that are different for each call are this one's. As long as the other call has not
begun to answer nothing is written, so that its failure is an HTTP error here as well.
"""

from stockyard.core.redelivery import Redelivery
from stockyard.core.stream_modules import StreamModules
from stockyard.errors import StockyardError
from stockyard.gateway.contract import Reply
from stockyard.gateway.pump import Carried, Pump
from stockyard.wire.codec import Fault


class RepeatPump(Pump):
    """Also a RawSink."""

    def __init__(
        self, stream: Redelivery, reply: Reply, call: Carried, modules: StreamModules
    ) -> None:
        super().__init__(stream, reply, call)
        self._redelivery = stream
        self._claim = stream.claim
        self._modules = modules
        self._whole: tuple[bytes, bytes] | None = None
        """Header lines and body of an answer that is no stream, until it is written."""

    def launch(self) -> None:
        self._redelivery.start_raw(self)

    def data(self, piece: bytes) -> None:
        if self._over:
            return
        if self._claim.is_whole:
            self._whole = self._call.stream_head(), piece
        elif self.begun:
            self._reply.push(piece)
        else:
            self._open(piece)

    def _open(self, first: bytes) -> None:
        self._first = None
        self._reply.begin(self._claim.status, self._call.stream_head(), first)

    def done(self) -> None:
        if self._over:
            return
        self._over = True
        if not self.begun and self._whole is None:
            self._open(b"")
        self._call.stream_done()

    def failed(self, error: StockyardError) -> None:
        if self._over:
            return
        self._over = True
        self._call.stream_failed(error)

    def show_modules(self, *, broken: bool = False) -> None:
        # What was said is shown with the call that was made.
        self._modules.give_up()

    def finish(self, comment: bytes) -> None:
        if self._whole is None:
            self._reply.finish()
        else:
            self._reply.whole(self._claim.status, *self._whole)

    def fail(self, fault: Fault) -> None:
        if self._claim.is_cut or self._redelivery.was_cut_off:
            self._reply.cut()
        else:
            self._reply.finish()
