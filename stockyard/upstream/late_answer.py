"""Poll for an answer that a provider makes later.

Each poll returns 202, or the answer. The client's connection stays open meanwhile, so polling may
take as long as the whole call may, and the number of polls is bounded.
"""

import asyncio

from stockyard.core.exchange import Exchange
from stockyard.core.response import Raw
from stockyard.core.target import Attempt
from stockyard.errors import UpstreamError
from stockyard.upstream.outgoing import Outgoing
from stockyard.upstream.plan import Plan
from stockyard.upstream.polling import ACCEPTED
from stockyard.upstream.preparation import remaining
from stockyard.upstream.whole_answer import WholeAnswer

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two polls. Each pause is twice as long as the one before."""
MOST_QUESTIONS = 1000


async def late_answer(
    x: Exchange, plan: Plan, head: bytes, attempt: Attempt, loop: asyncio.AbstractEventLoop
) -> Raw:
    """The answer, once there is one. `head`: the head of a poll. Raises UpstreamError when the call
    runs out of time."""
    pause = FIRST_PAUSE
    for _ in range(MOST_QUESTIONS):
        await asyncio.sleep(min(pause, remaining(x, plan.whole).total_seconds))
        pause = min(2 * pause, LONGEST_PAUSE)
        timers = remaining(x, plan.whole)
        outgoing = Outgoing(origin=plan.origin, head=head, timers=timers, decompress=True)
        receiver = WholeAnswer(x, attempt, loop)
        sending = receiver.sending = plan.transport.start(outgoing, receiver)
        try:
            await receiver.arrived
        except asyncio.CancelledError:
            sending.cancel()
            raise
        if receiver.status != ACCEPTED:
            return receiver.raw(plan.format)
    raise UpstreamError("timeout", "The provider accepted the call and did not answer it.")
