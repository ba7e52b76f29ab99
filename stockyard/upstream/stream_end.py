"""Judge the end of a stream: whether it is complete, and whether more may follow."""

from stockyard.core.exchange import Exchange
from stockyard.errors import StockyardError, UpstreamError
from stockyard.upstream.reckoning import COUNTED
from stockyard.wire.codec import Codec, StreamLook

EARLY_STOPPING = frozenset({"gemini", "gemini.array"})
"""Formats whose streams may continue after a finish reason, and have no terminator (S24)."""


def cut_short(look: StreamLook, codec: Codec, *, native: bool, size: int) -> str | None:
    """What is missing at the end of a stream of so many bytes, as the action of a Finding.

    Only we can see truncation: the client would take a stream that just stops for complete. Raises
    UpstreamError if the stream is not acceptable as an answer.
    """
    if look.terminator or (look.complete and not codec.terminator):
        return None
    if look.complete:
        return "no_terminator"
    if native:
        return "truncated"
    if size:
        raise UpstreamError("interrupted", "The provider's answer broke off before its end.")
    raise UpstreamError("bad_answer", "The provider's answer is empty.")


def may_go_on(x: Exchange, codec: Codec) -> bool:
    """Whether more may follow what looks like the end: another choice, or text after an early
    finish reason."""
    if codec.name in EARLY_STOPPING:
        return True
    if x.kind not in COUNTED:
        return False
    try:
        return (x.request.content.n or 1) > 1
    except StockyardError:
        return True  # the provider can decode the request and we cannot
