"""Count the usage of assistant runs once, however often it is reported.

A run goes on by itself, and clients poll it until it is finished. From then on every answer about
it reports its usage, and so do lists of runs and the end of its stream. A run may also create its
thread, which then belongs to the team.
"""

from collections.abc import Callable

from stockyard.core.exchange import Exchange
from stockyard.gateway.contract import Reply
from stockyard.gateway.late_calls import LateCalls
from stockyard.gateway.late_reply import LateReply
from stockyard.gateway.noticing import Notice, Noticing
from stockyard.gateway.steering import Steering
from stockyard.wire.late_usage import Use
from stockyard.wire.run_usage import MARK, RunsUsage

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
    """A Reply that counts the usage of runs. `made`: the call creates a run. `hold` remembers its
    thread as the team's."""

    def count(asking: Exchange, uses: list[Use]) -> None:
        for use in uses:
            # For a run that this call creates, `began` may not have been stored yet.
            if made or late.owes(use.part):
                late.count(use.part, "chat", asking, [use._replace(part="")])

    counting = LateReply(reply, RunsUsage(), count)
    steering.watching.append(counting)
    reply = counting
    if made:
        reply = began = Noticing(reply, _MADE, lambda x, run: late.began(run))
        steering.watching.append(began)
    if hold is not None:
        reply = holding = Noticing(reply, _THREAD, hold)
        steering.watching.append(holding)
    return reply
