"""Run one call: modules and dispatch, then write the answer to the client.

How a call ends, for whatever reason, is in `ending.py`.
"""

from collections.abc import Sequence

from stockyard.core.folding import unfold
from stockyard.core.response import Raw, Response
from stockyard.core.stream import Answer, Stream
from stockyard.errors import Abandoned, StockyardError
from stockyard.gateway import egress
from stockyard.gateway.editing_pump import EditingPump
from stockyard.gateway.ending import Ending
from stockyard.gateway.losses import Losses
from stockyard.gateway.pump import EventPump, RawPump
from stockyard.gateway.refusals import internal
from stockyard.gateway.taskless import start
from stockyard.wire.codec import Codec, Pen
from stockyard.wire.whole import WholeCodec


class Call(Ending):
    """One call: the Running that the lane sees."""

    __slots__ = ()

    def begin(self) -> bool:
        """Start the call. Returns whether it is still running."""
        waits = self._passage.pipeline.waits
        self._task = start(self._run(), as_task=waits, name=self.x.id)
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
            self._abandon(error)
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
        inbound, raw = x.inbound, response.raw
        chat = x.kind == "chat"  # only other kinds have encodings that clients choose
        if raw is not None and raw.format == inbound.format and (chat or self._hands_on(raw)):
            if inbound.native is not None:
                self._send(raw.status, egress.native_fields(raw.fields), raw.body)
                return
            body = raw.body
            fields = egress.type_of(x.kind, raw.fields) + egress.unified_fields(raw.fields)
        else:
            assert self.codec is not None  # noqa: S101  only raw answers come without a codec
            output = response.meaning
            Losses(x, self.codec).of_output(output)
            body = self.codec.encode_response(response, self._pen(output.model))
            fields = egress.type_written(x.kind, body)
            if raw is not None:
                fields += egress.unified_fields(raw.fields)
        self._send(200, fields, body)

    def _hands_on(self, raw: Raw) -> bool:
        """Whether the provider's bytes have the encoding that the client asked for."""
        codec, inbound = self.codec, self.x.inbound
        if inbound.native is not None or not isinstance(codec, WholeCodec):
            return True
        return codec.honours(inbound.body, raw.body)

    def _send(self, status: int, fields: bytes, body: bytes) -> None:
        x = self.x
        x.status = status
        self._passage.head()
        fields += egress.own_fields(x)
        self._finish()
        self._reply.whole(status, fields, body)

    def _replay(self, response: Response) -> None:
        """The client asked for a stream and the answer is whole: unfold it."""
        codec = self._codec()
        x = self.x
        Losses(x, codec).of_output(response.output)
        writer = codec.writer(self._pen(response.output.model))
        data = writer.write(unfold(response.output, response.usage or x.stored_usage))
        x.streamed = True
        fields = self._stream_head(200, response.raw.fields if response.raw is not None else ())
        self._finish()
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
        modules = self._passage.stream_modules
        if stream.raw_format == x.inbound.format and not modules.edits:
            bare = not unified or not events
            self._pump = RawPump(stream, self._reply, self, self.codec, modules, bare=bare)
        else:
            served = x.target.model if x.target is not None else x.request.model
            model = x.answer_model or served
            codec = self._codec()
            writer = Losses(x, codec).writer(codec.writer(self._pen(model)))
            kind = EditingPump if modules.edits else EventPump
            self._pump = kind(stream, self._reply, self, codec, modules, writer)
        x.streamed = events
        if unified and events:
            self._office.pings.add(self._pump, self._codec().ping)
        self._pump.launch()

    def stream_head(self) -> bytes:
        pump, x = self._pump, self.x
        assert pump is not None  # noqa: S101  it is who asks
        # Usage so far is not the total that headers show.
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

    def pause(self) -> None:
        if self._pump is not None:
            self._pump.pause()

    def resume(self) -> None:
        if self._pump is not None:
            self._pump.resume()
