"""Carry a stream that modules edit.

The head is written with the first content that they release, so a refusal before that is a normal
HTTP error. Long pieces pass slow modules in a thread; the stream is paused meanwhile, and Events
that still arrive are queued.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from stockyard.core.editing import text_length
from stockyard.core.events import Event, bears_content
from stockyard.core.stream import Stream
from stockyard.core.stream_modules import StreamModules
from stockyard.errors import StockyardError
from stockyard.gateway.contract import Reply
from stockyard.gateway.pump import Carried, EventPump
from stockyard.gateway.refusals import internal
from stockyard.wire.codec import Codec, StreamWriter

log = logging.getLogger(__name__)

LONG_PIECE = 4 * 1024
"""Characters from which a piece is edited in a thread: it may take about two milliseconds."""


class EditingPump(EventPump):
    """Passes Events through the modules and encodes what they return."""

    def __init__(
        self,
        stream: Stream,
        reply: Reply,
        call: Carried,
        codec: Codec,
        modules: StreamModules,
        writer: StreamWriter,
    ) -> None:
        super().__init__(stream, reply, call, codec, modules, writer)
        self._slow_edits = modules.edits_slowly
        self._elsewhere: asyncio.Future[Sequence[Event]] | None = None
        """The Events that are being edited in a thread."""
        self._waiting: deque[Sequence[Event]] = deque()
        """Events that arrived meanwhile."""
        self._end: Callable[[], None] | None = None
        """The end of the stream, if it arrived meanwhile."""
        self._slow = False
        """The client reads slowly."""

    def launch(self) -> None:
        self._take()

    def _open(self) -> None:
        """Write the head, with the pieces that waited for it."""
        first, self._first = b"".join(self._first or ()), None
        self._reply.begin(self.stream.status, self._call.stream_head(), first)

    def events(self, batch: Sequence[Event]) -> None:
        if self._over:
            return
        if self._elsewhere is not None:
            self._waiting.append(batch)
            self.stream.pause()
        elif self._slow_edits and text_length(batch) > LONG_PIECE:
            self.stream.pause()
            self._elsewhere = asyncio.ensure_future(self._modules.edit_in_thread(batch))
            self._elsewhere.add_done_callback(self._edited)
        else:
            try:
                self._write(self._modules.edit(batch))
            except StockyardError as error:
                self._break(error)

    def _write(self, events: Sequence[Event]) -> None:
        data = self._writer.write(events)
        if data:
            self._send(data)
        if not self.begun and any(map(bears_content, events)):
            self._open()

    def _break(self, error: StockyardError) -> None:
        self.cancel()
        self.failed(error)

    def _edited(self, elsewhere: "asyncio.Future[Sequence[Event]]") -> None:
        self._elsewhere = None
        if elsewhere.cancelled():
            return
        error = elsewhere.exception()
        if error is not None:
            if not isinstance(error, StockyardError):
                log.error("A stream could not be edited.", exc_info=error)
                error = internal()
            self._break(error)
            return
        torn = True
        try:
            self._pass_on(elsewhere.result())
            torn = False
        finally:
            if torn:
                # A bug of ours: nothing else would end this stream.
                self._break(internal())

    def _pass_on(self, events: Sequence[Event]) -> None:
        """Write edited Events, and go on with those that came meanwhile."""
        try:
            self._write(events)
        except StockyardError as refusal:
            self._break(refusal)
        while self._waiting and self._elsewhere is None:
            self.events(self._waiting.popleft())
        if self._elsewhere is None:
            self._go_on()

    def _go_on(self) -> None:
        end, self._end = self._end, None
        if end is not None:
            end()
        elif not self._slow and not self._over:
            self.stream.resume()

    def done(self) -> None:
        if self._elsewhere is not None:
            self._end = self.done
            return
        if not self.begun and not self._over:
            self._open()
        super().done()

    def failed(self, error: StockyardError) -> None:
        if self._elsewhere is not None:
            self._end = partial(self.failed, error)
        elif not self._over:
            self._error, self._over = error, True
            self._call.stream_failed(error)

    def ping(self, ping: bytes) -> None:
        if self._over:
            return
        if not self.begun:
            self._open()
        self._send(ping)

    def pause(self) -> None:
        self._slow = True
        self.stream.pause()

    def resume(self) -> None:
        self._slow = False
        if self._elsewhere is None:
            self.stream.resume()

    def cancel(self) -> None:
        self.stream.cancel()
        self._waiting.clear()
        self._end = None
        if self._elsewhere is not None:
            self._elsewhere.cancel()
