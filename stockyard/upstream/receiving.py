"""Send the request of one try, and receive the Answer: whole, as a stream, or relayed undecoded."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from stockyard.core.exchange import Exchange
from stockyard.core.stream import Answer
from stockyard.core.target import Attempt
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.plan import Plan
from stockyard.upstream.preparation import may_unsign, owner_of
from stockyard.upstream.reading import Reading
from stockyard.upstream.reckoning import usage_of_nothing
from stockyard.upstream.relayed_answer import RelayedAnswer
from stockyard.upstream.signed import SignedTurns
from stockyard.upstream.signed_stream import SignedStream
from stockyard.upstream.streamed_answer import StreamedAnswer, Unstreamed
from stockyard.upstream.whole_answer import NEVER, WholeAnswer


class Receiving:
    """Receives the answers of tries."""

    def __init__(
        self, reading: Reading, signed: SignedTurns, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._reading = reading
        self._signed = signed
        self._loop = loop

    def answer(
        self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing
    ) -> Coroutine[Any, Any, Answer]:
        """Send the request. Raises UpstreamError if there is no answer, or if it is an error."""
        attempt.bytes_out = len(outgoing.body)
        if plan.codec is None:
            return self._relayed(x, plan, attempt, outgoing)
        if x.request.stream:
            return self._streamed(x, plan, attempt, outgoing)
        return self._whole(x, plan, attempt, outgoing)

    async def _whole(self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing) -> Answer:
        flows = x.reads in plan.unread and plan.format == x.inbound.format
        flows_from = plan.flows_from if flows else NEVER
        receiver = WholeAnswer(x, attempt, self._loop, flows_from=flows_from, spelled=plan.spelled)
        sending = receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.arrived
        except asyncio.CancelledError:
            sending.cancel()
            if receiver.status < 400:
                x.usage = usage_of_nothing(x)
            raise
        if receiver.onward is not None:
            return receiver.onward
        response = self._reading.response(x, plan, receiver.raw(plan.format))
        came_whole(x, attempt)
        return response

    async def _relayed(
        self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        receiver = RelayedAnswer(x, attempt, plan.format, self._loop)
        receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.begun
        except asyncio.CancelledError:
            receiver.cancel()
            raise
        return receiver

    async def _streamed(
        self, x: Exchange, plan: Plan, attempt: Attempt, outgoing: Outgoing
    ) -> Answer:
        assert plan.codec is not None  # noqa: S101  without one the answer is relayed
        receiver = StreamedAnswer(
            x,
            attempt,
            plan.codec,
            traits=plan.traits,
            forward=plan.forward,
            native=x.inbound.native is not None,
            keep_usage=x.received.wants_usage or not plan.include_usage,
            silence=plan.silence,
            loop=self._loop,
        )
        receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.committed
        except asyncio.CancelledError:
            receiver.cancel()
            raise
        except Unstreamed as instead:
            response = self._reading.response(x, plan, instead.raw)
            attempt.outcome = "ok"
            return response
        if may_unsign(x, plan):
            return SignedStream(receiver, partial(self._signed.remember, owner_of(x, plan)))
        return receiver


def came_whole(x: Exchange, attempt: Attempt) -> None:
    """Record that a valid whole answer has arrived."""
    now = x.elapsed_us()
    x.first_content_ns = now * 1000
    if attempt.ended_us is None:
        attempt.ended_us, attempt.outcome = now, "ok"
