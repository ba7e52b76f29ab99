"""One call, from the first byte of its answer to the last.

It runs the modules and dispatch, writes what comes of them, and ends exactly once: answered,
refused, failed, cut, or abandoned. The end is announced before the last byte is written, so that
whoever keeps the books has them right when the caller believes the answer is complete.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.core.folding import unfold
from stockyard.core.passage import Passage
from stockyard.core.response import Raw, Response
from stockyard.core.stream import Answer, Stream
from stockyard.errors import Abandoned, Refused, StockyardError, UpstreamError
from stockyard.gateway import egress
from stockyard.gateway.contract import Reply
from stockyard.gateway.editing_pump import EditingPump
from stockyard.gateway.faults import fault_of
from stockyard.gateway.listing import dialect_at
from stockyard.gateway.losses import Losses
from stockyard.gateway.office import Office
from stockyard.gateway.pump import EventPump, Pump, RawPump
from stockyard.gateway.refusals import internal
from stockyard.gateway.ride import Cancellable, ride
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.whole import WholeCodec

GONE = 499


class Call:
    """A Running of the lane; an Ending of its pump."""

    __slots__ = (
        "_begun",
        "_ending",
        "_finished",
        "_office",
        "_passage",
        "_pump",
        "_reply",
        "_ride",
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
        self._ride: Cancellable | None = None
        self._begun = False
        """A task has its first step a turn after it was made."""
        self._ending = False
        """The modules that wait for the end of the stream are being told of it."""
        self._finished = False

    def begin(self) -> bool:
        """Run the call. Returns whether it is still under way."""
        waits = self._passage.pipeline.waits
        self._ride = ride(self._run(), waits=waits, name=self.x.id)
        return not self._finished

    async def _run(self) -> None:
        self._begun = True
        x = self.x
        office = self._office
        answer: Answer | None = None
        try:
            answer = await self._passage.run(office.dispatch, office.choose)
            if isinstance(answer, Stream):
                self._stream(answer)
            elif x.received.stream and x.inbound.native is None:
                self._replay(answer)
            else:
                self._write(answer)
        except Abandoned as error:
            self._finish(GONE, error)
        except StockyardError as error:
            self._refuse(error, answer)
        except Exception as error:
            office.unexpected(x, error)
            if self._pump is not None and self._pump.begun:
                self.stream_failed(internal())
            else:
                self._refuse(error, answer)

    # Whole answers

    def _write(self, response: Response) -> None:
        x = self.x
        raw = response.raw
        if raw is not None and raw.format == x.inbound.format and self._hands_on(raw):
            if x.inbound.native is not None:
                self._send(raw.status, egress.native_fields(raw.fields), raw.body)
                return
            body = raw.body
            fields = egress.type_of(x.kind, raw.fields) + egress.unified_fields(raw.fields)
        else:
            assert self.codec is not None  # noqa: S101  only raw answers come without a codec
            Losses(x, self.codec).of_output(response.meaning)
            body = self.codec.encode_response(response, self._pen(response.meaning.model))
            fields = egress.type_written(x.kind, body)
            if raw is not None:
                fields += egress.unified_fields(raw.fields)
        self._send(200, fields, body)

    def _hands_on(self, raw: Raw) -> bool:
        """Whether the provider's bytes are what the client asked for."""
        codec, x = self.codec, self.x
        inbound = x.inbound
        # Asked first of the kind: an abstract class takes its time to say who is of it.
        if x.kind == "chat" or inbound.native is not None or not isinstance(codec, WholeCodec):
            return True
        return codec.honours(inbound.body, raw.body)

    def _send(self, status: int, fields: bytes, body: bytes) -> None:
        x = self.x
        x.status = status
        self._passage.head()
        fields += egress.own_fields(x)
        self._finish(status, None)
        self._reply.whole(status, fields, body)

    def _replay(self, response: Response) -> None:
        """The client asked for a stream and the answer is whole: take it apart."""
        codec = self._codec()
        x = self.x
        Losses(x, codec).of_output(response.output)
        writer = codec.writer(self._pen(response.output.model))
        data = writer.write(unfold(response.output, response.usage or x.stored_usage))
        x.streamed = True
        fields = self._stream_head(200, response.raw.fields if response.raw is not None else ())
        self._finish(200, None)
        self._reply.begin(200, fields, data)
        self._reply.finish(writer.end(self._comment(codec)))

    # Streams

    def _pen(self, model: str) -> Pen:
        return egress.pen_of(self.x, model, self._office.reasoning_field)

    def _codec(self) -> Codec:
        assert self.codec is not None  # noqa: S101  a path that no codec reads has no events
        return self.codec

    def _stream(self, stream: Stream) -> None:
        x = self.x
        unified = x.inbound.native is None
        events = x.received.stream or self.codec is None
        if stream.raw_format == x.inbound.format and not self._passage.edits:
            bare = not unified or not events
            self._pump = RawPump(stream, self._reply, self, self.codec, self._passage, bare=bare)
        else:
            served = x.target.model if x.target is not None else x.request.model
            model = x.answer_model or served
            codec = self._codec()
            writer = Losses(x, codec).writer(codec.writer(self._pen(model)))
            kind = EditingPump if self._passage.edits else EventPump
            self._pump = kind(stream, self._reply, self, codec, self._passage, writer)
        x.streamed = events
        if unified and events:
            self._office.pings.add(self._pump, self._codec().ping)
        self._pump.launch()

    def stream_head(self) -> bytes:
        pump, x = self._pump, self.x
        assert pump is not None  # noqa: S101  it is who asks
        # What was counted so far is no total that a header could tell.
        counted, x.usage = x.usage, None
        fields = self._stream_head(pump.stream.status, pump.stream.fields)
        x.usage = counted
        return fields

    def _stream_head(self, status: int, given: Sequence[tuple[bytes, bytes]]) -> bytes:
        x = self.x
        x.status = status
        self._passage.head()
        if x.inbound.native is not None:
            return egress.native_fields(given) + egress.own_fields(x)
        if not x.streamed:
            type_line = egress.type_of(x.kind, given)
            return type_line + egress.unified_fields(given) + egress.own_fields(x)
        return (
            b"content-type: %b\r\n" % self._codec().stream_type
            + egress.STREAM_HEAD
            + egress.unified_fields(given)
            + egress.own_fields(x)
        )

    def _comment(self, codec: Codec | None) -> bytes:
        if codec is None or not codec.comments or self.x.inbound.native is not None:
            return b""
        return self._office.closing_comment(self.x)

    def stream_done(self) -> None:
        if self._finished:
            return
        if self.x.abandoned:
            self.give_up()
        elif self._passage.ends:
            self._tell(self._end_stream())
        else:
            self._conclude()

    def _tell(self, ending: Coroutine[Any, Any, None]) -> None:
        """Tell the modules that wait for it how the stream ended, and end the call after that."""
        self._ending = True
        self._ride = ride(ending, waits=self._passage.pipeline.waits, name=self.x.id)

    async def _end_stream(self) -> None:
        try:
            if self._pump is not None:
                self._pump.keep()
            await self._passage.ended()
        except StockyardError as error:
            self._break(error)
        except Exception as error:
            self._office.unexpected(self.x, error)
            self._break(internal())
        else:
            self._conclude()

    def _conclude(self) -> None:
        pump = self._pump
        if self._finished or pump is None:
            return
        if self.x.abandoned:
            self._finish(GONE, Abandoned())
            return
        self._finish(self.x.status, None)
        pump.finish(self._comment(self.codec))

    def stream_failed(self, error: StockyardError) -> None:
        if self._finished:
            return
        if self.x.abandoned:
            self.give_up()
        elif self._passage.ends:
            self._tell(self._end_broken(error))
        else:
            self._break(error)

    async def _end_broken(self, error: StockyardError) -> None:
        self._keep_what_came()
        await self._passage.broke(error)
        self._break(error)

    def _keep_what_came(self) -> None:
        if self._pump is not None and self._passage.keeps:
            self._pump.keep(broken=True)

    def _break(self, error: StockyardError) -> None:
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
        self._finish(x.status, error)
        pump.fail(fault)

    # Refusals

    def _refuse(self, error: Exception, answer: Answer | None = None) -> None:
        """`answer` is one that could not be handed on."""
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
        self._finish(whole.status, error)
        self._reply.whole(whole.status, whole.fields, whole.body)

    def _words(self) -> Codec:
        """Of a path that no codec reads: those of the client (`wire.md` 2.2)."""
        inbound, office = self.x.inbound, self._office
        dialect = dialect_at(inbound.path, inbound.query, inbound.headers.field)
        return office.formats.get(dialect, office.plain)

    # What happens to the client meanwhile

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
        elif not self._ending:
            if self._office.drains.enter(self):
                self._office.pings.discard(self._pump)
                self._pump.resume()
            else:
                self.give_up()

    def give_up(self) -> None:
        """The client has gone, and no more is read for it."""
        self._office.drains.leave(self)
        if self._pump is None or self._ending:
            return
        self._pump.cancel()
        if self._passage.ends:
            self._tell(self._end_abandoned(Abandoned()))
        else:
            self._finish(GONE, Abandoned())

    def _stop(self) -> None:
        if self._ride is not None:
            self._ride.cancel()

    async def _end_abandoned(self, error: Abandoned) -> None:
        self._keep_what_came()
        await self._passage.broke(error)
        self._finish(GONE, error)

    def pause(self) -> None:
        if self._pump is not None:
            self._pump.pause()

    def resume(self) -> None:
        if self._pump is not None:
            self._pump.resume()

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
        elif not self._ending:
            self._pump.cancel()
            self.stream_failed(error)

    def _finish(self, status: int, error: Exception | None) -> None:
        """The call is over. Announced exactly once, whatever way it ended."""
        if self._finished:
            return
        self._finished = True
        x = self.x
        x.status = status
        if error is not None:
            # The frames in its traceback refer to us: a cycle, as below.
            x.error = error.with_traceback(None) if isinstance(error, StockyardError) else error
            if isinstance(error, Refused):
                x.refused_by = error.module or ""
        # It refers to us: a cycle would keep everything until a collection.
        pump, self._pump = self._pump, None
        if pump is not None:
            self._office.pings.discard(pump)
        self._office.finished(self)
