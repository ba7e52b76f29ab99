"""What a call came to in the end, in the numbers that callers are told."""

from stockyard.core.exchange import Exchange


def gateway_us(x: Exchange, elapsed: int) -> int:
    """How long Stockyard itself took: all of the time that no provider was being waited for."""
    waiting = 0
    for attempt in x.attempts:
        ended = attempt.ended_us or attempt.first_content_us or attempt.first_byte_us or elapsed
        waiting += ended - attempt.started_us
    return max(0, elapsed - waiting)


def totals(x: Exchange) -> dict[str, int | str]:
    """The closing figures of a stream, by the names of the headers that a whole answer has."""
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
