"""How a call ends: exactly once, and in the books before its last byte is written.

    complete     its answer was written whole, or its stream came to its end
    refused      an error came before the head of the answer: it becomes HTTP
    broken off   an error came after it: it becomes an error event
    abandoned    the client left first, and nothing is written any more

So whoever keeps the books has them right when the caller believes the answer is complete. Modules
that wait for the end of a stream are told of it first, and may still turn it into an error.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.core.passage import Passage
from stockyard.core.stream import Answer, Stream
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from stockyard.gateway import egress
from stockyard.gateway.contract import Reply
from stockyard.gateway.faults import fault_of
from stockyard.gateway.listing import dialect_at
from stockyard.gateway.office import Office
from stockyard.gateway.pump import Pump
from stockyard.gateway.refusals import internal
from stockyard.gateway.ride import Cancellable, ride
from stockyard.wire.codec import Codec

GONE = 499


class Ending:
    """The end of a call, from whichever side it comes."""

    __slots__ = (
        "_begun",
        "_finished",
        "_office",
        "_passage",
        "_pump",
        "_reply",
        "_ride",
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
        """What carries the stream, if the answer is one."""
        self._ride: Cancellable | None = None
        self._begun = False
        """A task has its first step a turn after it was made."""
        self._telling = False
        """The modules that wait for the end of the stream are being told of it."""
        self._finished = False

    # The stream has come to its end

    def stream_done(self) -> None:
        if self._finished:
            return
        if self.x.abandoned:
            self.give_up()
        elif self._passage.ends:
            self._tell(self._tell_done())
        else:
            self._conclude()

    def stream_failed(self, error: StockyardError) -> None:
        if self._finished:
            return
        if self.x.abandoned:
            self.give_up()
        elif self._passage.ends:
            self._tell(self._tell_failed(error))
        else:
            self._break_off(error)

    def _tell(self, ending: Coroutine[Any, Any, None]) -> None:
        """Tell the modules that wait for it how the stream ended, and end the call after that."""
        self._telling = True
        self._ride = ride(ending, waits=self._passage.pipeline.waits, name=self.x.id)

    async def _tell_done(self) -> None:
        try:
            if self._pump is not None:
                self._pump.keep()
            await self._passage.ended()
        except StockyardError as error:
            self._break_off(error)
        except Exception as error:
            self._office.unexpected(self.x, error)
            self._break_off(internal())
        else:
            self._conclude()

    async def _tell_failed(self, error: StockyardError) -> None:
        try:
            self._keep_what_came()
            await self._passage.broke(error)
        finally:  # whatever is wrong with us, the client must hear of the end
            self._break_off(error)

    async def _tell_abandoned(self, error: Abandoned) -> None:
        try:
            self._keep_what_came()
            await self._passage.broke(error)
        finally:
            self._abandon(error)

    def _keep_what_came(self) -> None:
        if self._pump is not None and self._passage.keeps:
            self._pump.keep(broken=True)

    # The client has gone, or we are about to

    def gone(self) -> None:
        if self._finished:
            return
        if not self._begun:
            # Its first step is on its way. Until then no module that keeps the books has seen it.
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
        """The client has gone, and no more is read for it."""
        self._office.drains.leave(self)
        if self._pump is None or self._telling:
            return
        self._pump.cancel()
        if self._passage.ends:
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
        if self._ride is not None:
            self._ride.cancel()

    # The last bytes, each after the books

    def _conclude(self) -> None:
        """The stream ends well."""
        pump = self._pump
        if self._finished or pump is None:
            return
        if self.x.abandoned:
            self._abandon(Abandoned())
            return
        self._finish()
        pump.finish(self._comment(self.codec))

    def _comment(self, codec: Codec | None) -> bytes:
        """What stands behind the last event."""
        if codec is None or not codec.comments or self.x.inbound.native is not None:
            return b""
        return self._office.closing_comment(self.x)

    def _break_off(self, error: StockyardError) -> None:
        """The stream ends with an error event: interrupted, stalled, or blocked."""
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
        pump.fail(fault)

    def _refuse(self, error: Exception, answer: Answer | None = None) -> None:
        """The answer is an error. `answer` is one that could not be handed on."""
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
        whole.to(self._reply)

    def _words(self) -> Codec:
        """Of a path that no codec reads: those of the client (`wire.md` 2.2)."""
        inbound, office = self.x.inbound, self._office
        dialect = dialect_at(inbound.path, inbound.query, inbound.headers.field)
        return office.formats.get(dialect, office.plain)

    def _abandon(self, error: Abandoned) -> None:
        """Nobody hears any more how it ends."""
        if self._finished:
            return
        self.x.status = GONE
        self._finish(error)

    def _finish(self, error: Exception | None = None) -> None:
        """The call is over. Announced exactly once, whatever way it ended."""
        if self._finished:
            return
        self._finished = True
        office, x = self._office, self.x
        if x.lost is not None:
            x.count_what_was_lost()
        if error is not None:
            # The frames in its traceback refer to us: a cycle, as below.
            x.error = error.with_traceback(None) if isinstance(error, StockyardError) else error
            if isinstance(error, Refused):
                x.refused_by = error.module or ""
        if self._pump is not None:
            office.pings.discard(self._pump)
            self._pump = None  # it refers to us: a cycle would keep everything until a collection
        office.finished(self)
