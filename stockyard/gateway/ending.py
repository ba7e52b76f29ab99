"""How a call ends: exactly once, and announced before the last byte of its answer is written.

    complete     its answer was written whole, or its stream came to its end
    refused      an error before the head of the answer: it becomes an HTTP error
    broken off   an error after the head: it becomes an error event
    abandoned    the client left first, and nothing more is written

So usage and cost are recorded by the time the caller sees the end of its answer. Modules that wait
for the end of a stream are told first, and may still turn it into an error.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.core.passage import Passage
from stockyard.core.stream import Answer, Stream
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from stockyard.gateway import egress
from stockyard.gateway.contract import Reply
from stockyard.gateway.faults import GONE, fault_of
from stockyard.gateway.listing import dialect_at
from stockyard.gateway.office import Office
from stockyard.gateway.pump import Pump
from stockyard.gateway.refusals import internal
from stockyard.gateway.taskless import Cancellable, start
from stockyard.wire.codec import Codec


class Ending:
    """The part of a Call that ends it, whichever side the end comes from."""

    __slots__ = (
        "_begun",
        "_finished",
        "_office",
        "_passage",
        "_pump",
        "_reply",
        "_task",
        "_telling",
        "codec",
        "x",
    )

    def __init__(
        self, x: Exchange, passage: Passage, codec: Codec | None, reply: Reply, office: Office
    ) -> None:
        self.x = x
        self.codec = codec
        self._passage = passage
        self._reply = reply
        self._office = office
        self._pump: Pump | None = None
        """Carries the answer if it is a stream."""
        self._task: Cancellable | None = None
        self._begun = False
        """Whether `_run` has taken its first step: a task does so one turn after it was made."""
        self._telling = False
        """Modules that wait for the end of the stream are being told of it."""
        self._finished = False

    # The stream has come to its end

    def stream_done(self) -> None:
        if self._finished:
            return
        if self.x.abandoned:
            self.give_up()
        elif self._passage.stream_modules.await_end:
            self._tell(self._tell_done())
        else:
            self._conclude()

    def stream_failed(self, error: StockyardError) -> None:
        if self._finished:
            return
        if self.x.abandoned:
            self.give_up()
        elif self._passage.stream_modules.await_end:
            self._tell(self._tell_failed(error))
        else:
            self._break_off(error)

    def _tell(self, ending: Coroutine[Any, Any, None]) -> None:
        """Tell modules that wait for the end of the stream how it ended, then end the call."""
        self._telling = True
        self._task = start(ending, as_task=self._passage.pipeline.waits, name=self.x.id)

    async def _tell_done(self) -> None:
        try:
            if self._pump is not None:
                self._pump.show_modules()
            await self._passage.stream_modules.ended()
        except StockyardError as error:
            self._break_off(error)
        except Exception as error:
            self._office.unexpected(self.x, error)
            self._break_off(internal())
        else:
            self._conclude()

    async def _tell_failed(self, error: StockyardError) -> None:
        try:
            self._show_what_came()
            await self._passage.stream_modules.broke(error)
        finally:  # even after a bug of ours, the client must learn that it ended
            self._break_off(error)

    async def _tell_abandoned(self, error: Abandoned) -> None:
        try:
            self._show_what_came()
            await self._passage.stream_modules.broke(error)
        finally:
            self._abandon(error)

    def _show_what_came(self) -> None:
        if self._pump is not None and self._passage.stream_modules.collects:
            self._pump.show_modules(broken=True)

    # The client has gone, or we are about to

    def gone(self) -> None:
        if self._finished:
            return
        if not self._begun:
            # Let it take its first step, so that the modules which record calls see it.
            asyncio.get_running_loop().call_soon(self.gone)
            return
        self.x.abandoned = True
        if self._pump is None:
            self._stop()
        elif not self._telling:
            if self._office.drains.enter(self):
                self._office.pings.discard(self._pump)
                self._pump.resume()
            else:
                self.give_up()

    def give_up(self) -> None:
        """The client has gone: stop reading from the provider."""
        self._office.drains.leave(self)
        if self._pump is None or self._telling:
            return
        self._pump.cancel()
        if self._passage.stream_modules.await_end:
            self._tell(self._tell_abandoned(Abandoned()))
        else:
            self._abandon(Abandoned())

    def shutdown(self) -> None:
        """The process stops and this call is still running."""
        if self._finished:
            return
        error = Refused(
            503, "server_shutdown", "The gateway is stopping. Send the call again.", retry_after=1
        )
        if self._pump is None:
            if not self._begun:
                self._passage.declined(error)
            self._refuse(error)
            self._stop()
        elif not self._telling:
            self._pump.cancel()
            self.stream_failed(error)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    # The last bytes, each written after the call was announced as finished

    def _conclude(self) -> None:
        """The stream ends well."""
        pump = self._pump
        if self._finished or pump is None:
            return
        if self.x.abandoned:
            self._abandon(Abandoned())
            return
        self._finish()
        self._end_or_cut(lambda: pump.finish(self._comment(self.codec)))

    def _end_or_cut(self, end: Callable[[], None]) -> None:
        """Write the end of an answer. Should a fault of ours break it, the connection is cut, for
        the client would wait for ever."""
        try:
            end()
        except BaseException:
            self._reply.cut()
            raise

    def _comment(self, codec: Codec | None) -> bytes:
        """The comment with totals that follows the last event."""
        if codec is None or not codec.comments or self.x.inbound.native is not None:
            return b""
        return self._office.closing_comment(self.x)

    def _break_off(self, error: StockyardError) -> None:
        """The stream was interrupted, stalled or blocked: it ends with an error event."""
        pump = self._pump
        if self._finished or pump is None:
            return
        x = self.x
        if not pump.begun:
            x.streamed = False
            self._refuse(error)
            return
        fault = fault_of(error, x)
        self._finish(error)
        self._end_or_cut(lambda: pump.fail(fault))

    def _refuse(self, error: Exception, answer: Answer | None = None) -> None:
        """Answer with an error. `answer` is one that cannot be delivered and is dropped."""
        if isinstance(answer, Stream):
            answer.cancel()
        x = self.x
        fault = fault_of(error, x)
        x.status = fault.status
        raw = error.raw if isinstance(error, UpstreamError) else None
        self._passage.head()
        own = egress.refused_fields(x)
        if raw is not None and x.inbound.native is not None:
            whole = egress.handed_on(raw, own)
        else:
            whole = egress.refusal(self.codec or self._words(), fault, own)
        x.status = whole.status
        self._finish(error)
        self._end_or_cut(lambda: whole.to(self._reply))

    def _words(self) -> Codec:
        """The codec for errors on a path without a format: that of the client (`wire.md` 2.2)."""
        inbound, office = self.x.inbound, self._office
        dialect = dialect_at(inbound.path, inbound.query, inbound.headers.field)
        return office.formats.get(dialect, office.plain)

    def _abandon(self, error: Abandoned) -> None:
        """The client left: end the call without writing anything."""
        if self._finished:
            return
        self.x.status = GONE
        self._finish(error)

    def _finish(self, error: Exception | None = None) -> None:
        """The call is over: announce it, exactly once, however it ended."""
        if self._finished:
            return
        self._finished = True
        office, x = self._office, self.x
        if x.lost is not None:
            x.count_what_was_lost()
        if error is not None:
            if isinstance(error, StockyardError):
                # The frames in its traceback refer to us: a reference cycle, as below.
                error = error.with_traceback(None)
            x.failed_with(error)
        if self._pump is not None:
            office.pings.discard(self._pump)
            self._pump = None  # it refers to us, and a cycle would live until a garbage collection
        office.finished(self)
