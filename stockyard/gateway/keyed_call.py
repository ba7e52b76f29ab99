"""A call with an `Idempotency-Key`: one that others may repeat, or one that repeats another.

The module `idempotency` decides which, on the way in, and leaves the Claim on the Exchange. Here
the answer of the first is recorded as it is written, and the others get that record.
"""

from time import perf_counter_ns

from stockyard.core.claim import Claim
from stockyard.core.exchange import Exchange
from stockyard.core.money import Usage
from stockyard.core.passage import Passage
from stockyard.core.redelivery import Redelivery
from stockyard.core.stream import Stream
from stockyard.errors import Abandoned
from stockyard.gateway import egress
from stockyard.gateway.call import Call
from stockyard.gateway.contract import Reply
from stockyard.gateway.office import Office
from stockyard.gateway.recording_reply import RecordingReply
from stockyard.gateway.repeat_pump import RepeatPump
from stockyard.wire.codec import Codec

MODULE = "idempotency"
NOTHING_USED = Usage()


def keyed_call(
    x: Exchange, passage: Passage, codec: Codec | None, reply: Reply, office: Office
) -> Call:
    """The call, as a plain one while no module is on that looks at the key."""
    kind = KeyedCall if passage.pipeline.is_keyed else Call
    return kind(x, passage, codec, reply, office)


class KeyedCall(Call):
    """Also the Maker of its Claim."""

    __slots__ = ("_recording",)

    def __init__(
        self, x: Exchange, passage: Passage, codec: Codec | None, reply: Reply, office: Office
    ) -> None:
        self._recording = RecordingReply(reply, x)
        super().__init__(x, passage, codec, self._recording, office)

    @property
    def _made(self) -> Claim | None:
        """The Claim for which this call is made."""
        return None if self.x.repeats else self.x.claim

    @property
    def _repeated(self) -> Claim | None:
        """The Claim of the call that this one repeats."""
        return self.x.claim if self.x.repeats else None

    # It repeats another one

    def _stream(self, stream: Stream) -> None:
        if isinstance(stream, Redelivery):
            modules = self._passage.stream_modules
            self._pump = RepeatPump(stream, self._reply, self, modules)
            self._pump.launch()
        else:
            super()._stream(stream)

    def stream_head(self) -> bytes:
        claim, x = self._repeated, self.x
        if claim is None:
            return super().stream_head()
        x.status = claim.status
        x.target = claim.target
        x.streamed = not claim.is_whole and (x.received.stream or self.codec is None)
        x.first_content_ns = perf_counter_ns() - x.started
        self._passage.head()
        return claim.fields + egress.own_fields(x)

    # It is made once for others

    def _send(self, status: int, fields: bytes, body: bytes) -> None:
        claim = self._made
        if claim is not None and len(body) > claim.terms.max_bytes:
            claim.give_up()
        super()._send(status, fields, body)

    # Both

    def gone(self) -> None:
        claim = self._made
        self._recording.resume()  # nothing waits for the client any more
        if claim is not None and not self._finished and claim.first_left(self):
            self.x.note(MODULE, "went_on")
            return
        if self._repeated is not None and self._pump is not None and not self._finished:
            self.x.abandoned = True
            self.give_up()  # there is nothing to be learned from reading on
        else:
            super().gone()

    def pause(self) -> None:
        claim = self._made
        if claim is None:
            super().pause()
        else:
            self._recording.pause()
            claim.first_paused(self, slow=True)

    def resume(self) -> None:
        claim = self._made
        if claim is None:
            super().resume()
        else:
            self._recording.resume()
            claim.first_paused(self, slow=False)

    def _finish(self, error: Exception | None = None) -> None:
        made, repeated = self._made, self._repeated
        if repeated is not None:
            repeated.leave(self.x.id)
            self.x.stored_usage = repeated.usage or NOTHING_USED
        if made is not None and error is None and not made.is_kept:
            self.x.note(MODULE, "not_kept", {"reason": "size"})
        super()._finish(error)
        if made is not None:
            made.usage = self.x.usage

    def _abandon(self, error: Abandoned) -> None:
        super()._abandon(error)
        claim = self._made
        if claim is not None:
            claim.end(error)

    # As the Maker of its Claim

    def hold_up(self) -> None:
        super().pause()

    def go_on(self) -> None:
        super().resume()

    def unwanted(self) -> None:
        super().gone()
