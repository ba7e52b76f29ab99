"""End streams that continue without content, or that are complete but do not end.

The timers of the HTTP client only see bytes, so a provider that sends pings for ever never misses
them. The two timers here look at content: `timeout.first_content` until the first, and
`timeout.content_idle` between any two (`streaming.md` 3.5). Besides, a client need not wait if the
answer is complete and the provider keeps the connection open. One timer serves all streams, and
runs only while there are any.
"""

from time import monotonic
from typing import Protocol

from stockyard.upstream.recurring import Recurring

TICK_SECONDS = 0.5


class WatchedStream(Protocol):
    @property
    def content_at(self) -> float:
        """When the last content came."""

    @property
    def awaits_first_content(self) -> bool: ...
    @property
    def patience(self) -> float | None: ...
    def enough(self) -> None: ...
    def silent(self, timer: str, seconds: float) -> None: ...


class Silence:
    def __init__(self, *, first_content_seconds: float, content_idle_seconds: float) -> None:
        self._first = first_content_seconds
        self._idle = content_idle_seconds
        self._streams: set[WatchedStream] = set()
        tick_seconds = min(TICK_SECONDS, first_content_seconds / 4, content_idle_seconds / 4)
        self._rounds = Recurring(tick_seconds, self._listen)

    def watch(self, stream: WatchedStream) -> None:
        self._streams.add(stream)
        self._rounds.wake()

    def forget(self, stream: WatchedStream) -> None:
        self._streams.discard(stream)

    def _listen(self) -> bool:
        now = monotonic()
        for stream in tuple(self._streams):
            patience = stream.patience
            if patience is not None and now - stream.content_at > patience:
                stream.enough()
                continue
            first = stream.awaits_first_content
            limit = self._first if first else self._idle
            if now - stream.content_at > limit:
                stream.silent("timeout.first_content" if first else "timeout.content_idle", limit)
        return bool(self._streams)
