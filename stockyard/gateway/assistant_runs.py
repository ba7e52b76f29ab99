"""Runs of assistants: what one used is counted once, however often it is asked for.

A run goes on by itself, and is asked for until it is over; from then on each answer tells what it
used, lists of runs do, and so does the end of its stream. Some runs make their thread along with
them, which is the team's from then on.
"""

from collections.abc import Callable

from stockyard.core.exchange import Exchange
from stockyard.gateway.contract import Reply
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.late_reply import LateReply
from stockyard.gateway.noticing import Notice, Noticing
from stockyard.gateway.turning import Steering
from stockyard.wire.late_usage import Use
from stockyard.wire.run_usage import MARK, Runs

_MADE = Notice(("id",), (MARK,), first_only=True)
_THREAD = Notice(("thread_id",), (MARK,), first_only=True)


def watched(
    reply: Reply,
    late: LateCalls,
    steering: Steering,
    *,
    made: bool,
    hold: Callable[[Exchange, str], None] | None,
) -> Reply:
    """A Reply that counts what runs used. `made`: a run is; `hold` remembers its thread, too."""

    def count(asking: Exchange, uses: list[Use]) -> None:
        for use in uses:
            # That one which is just made will be owed is being written yet.
            if made or late.owes(use.part):
                late.count(use.part, "chat", asking, [use._replace(part="")])

    counting = LateReply(reply, Runs(), count)
    steering.watching.append(counting)
    reply = counting
    if made:
        reply = began = Noticing(reply, _MADE, lambda x, run: late.began(run))
        steering.watching.append(began)
    if hold is not None:
        reply = holding = Noticing(reply, _THREAD, hold)
        steering.watching.append(holding)
    return reply
