"""The ids of a call in W3C Trace Context, for providers and span collectors.

https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
"""

from hashlib import blake2b
from urllib.parse import quote

from stockyard.core.exchange import Exchange


def trace_of(x: Exchange) -> str:
    """The caller's trace when it sent one, else one of our own: 32 hexadecimal digits."""
    return x.trace_parent[:32] or blake2b(x.trace_id.encode(), digest_size=16).hexdigest()


def span_of(x: Exchange, part: str) -> str:
    """The span id of a part of the call: 16 digits, always the same for the same part."""
    return blake2b(f"{x.trace_id}/{part}".encode(), digest_size=8).hexdigest()


def attempt_span(x: Exchange, number: int) -> str:
    return span_of(x, f"attempt.{number}")


def told_to_provider(x: Exchange, host: str) -> bytes:
    """The header lines that tell a provider which trace the current try belongs to."""
    spread = x.spread
    if spread is None or not spread.hosts.match(host):
        return b""
    flags = "01" if x.sampled else "00"
    lines = f"traceparent: 00-{trace_of(x)}-{attempt_span(x, len(x.attempts))}-{flags}\r\n"
    state = x.asked.trace_state
    if x.trace_parent and state and state.isascii() and state.isprintable():
        lines += f"tracestate: {state}\r\n"
    baggage = ",".join(
        f"{name}={quote(x.tags[name], safe='')}" for name in spread.tags if name in x.tags
    )
    if baggage:
        lines += f"baggage: {baggage}\r\n"
    return lines.encode()
