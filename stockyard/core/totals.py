"""The figures of a finished call that its caller gets."""

from collections.abc import Sequence

from stockyard.core.exchange import Exchange
from stockyard.core.target import Attempt


def gateway_us(x: Exchange, elapsed: int) -> int:
    """How long Stockyard itself took: all the time in which it did not wait for a provider."""
    return max(0, elapsed - waited_us(x.attempts, elapsed))


def waited_us(attempts: Sequence[Attempt], elapsed: int) -> int:
    """Microseconds in which at least one Attempt was under way. Attempts may overlap."""
    if len(attempts) == 1:
        (only,) = attempts
        return (only.ended_us or _heard_us(only, elapsed)) - only.started_us
    waited = reached = 0
    for attempt in sorted(attempts, key=lambda attempt: attempt.started_us):
        heard = _heard_us(attempt, elapsed)
        if heard > reached:
            waited += heard - max(reached, attempt.started_us)
            reached = heard
    return waited


def _heard_us(attempt: Attempt, elapsed: int) -> int:
    """When the waiting was over: at the Attempt's end, or at its first byte if it is not over."""
    return attempt.ended_us or attempt.first_content_us or attempt.first_byte_us or elapsed


def totals(x: Exchange) -> dict[str, int | str]:
    """The closing figures of a stream, named like the headers of a whole answer."""
    figures: dict[str, int | str] = {"trace_id": x.trace_id}
    if x.target is not None:
        figures["provider"] = x.target.provider
        figures["model"] = x.target.model
    if x.usage is not None:
        figures["tokens_in"] = x.usage.prompt
        figures["tokens_out"] = x.usage.completion
    if x.cache_state != "off":
        figures["cache"] = x.cache_state
    if len(x.attempts) > 1:
        figures["attempts"] = len(x.attempts)
    figures["latency_ms"] = x.elapsed_us() // 1000
    return figures
