"""Send finished calls as spans to an OTLP collector, in batches and off the path of calls.

A slow or unreachable collector delays nothing: the queue is bounded, what does not fit is dropped
and counted, and a batch that cannot be delivered is counted as lost, not sent again.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from stockyard import __version__
from stockyard.apps.lookout.spans import Span, spans_of
from stockyard.core.sharing import Export
from stockyard.core.signals import ExchangeFinished
from stockyard.errors import StockyardError

log = logging.getLogger("stockyard.lookout")

MAX_SPANS = 2_048
GROUP_SPANS = 100
GROUP_SECONDS = 5.0

Post = Callable[[Export, bytes], Awaitable[int]]
"""Sends a body to a collector and gives its status. Raises StockyardError."""


class SpanExport:
    """Listens to finished calls, and sends those that carry an Export."""

    def __init__(
        self,
        post: Post,
        background: Callable[[Coroutine[Any, Any, None]], None],
        dropped: Callable[[], None],
        *,
        group_seconds: float = GROUP_SECONDS,
    ) -> None:
        self._post = post
        self._background = background
        self._dropped = dropped
        self._group_seconds = group_seconds
        self._spans: deque[tuple[Export, Span]] = deque()
        self._sending = False
        self._full = asyncio.Event()
        self.lost = 0
        """Spans that were dropped, or in a group that could not be delivered."""

    def record(self, signal: ExchangeFinished) -> None:
        export = signal.exchange.export
        if export is None or not signal.exchange.sampled:
            return
        spans = [(export, span) for span in spans_of(signal.exchange, export.dialect)]
        if len(self._spans) + len(spans) > MAX_SPANS:
            self._lose(len(spans))
            return
        self._spans.extend(spans)
        if len(self._spans) >= GROUP_SPANS:
            self._full.set()
        if not self._sending:
            self._sending = True
            self._background(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._spans:
                await self._company()
                await self._send_group()
        finally:
            self._sending = False

    async def _company(self) -> None:
        """Wait until a group is full, or has waited long enough."""
        self._full.clear()
        if len(self._spans) < GROUP_SPANS:
            try:
                await asyncio.wait_for(self._full.wait(), self._group_seconds)
            except TimeoutError:
                return

    async def _send_group(self) -> None:
        """Send the oldest spans, as many as go to one place."""
        export = self._spans[0][0]
        group: list[Span] = []
        while self._spans and len(group) < GROUP_SPANS and self._spans[0][0] == export:
            group.append(self._spans.popleft()[1])
        try:
            status = await self._post(export, encode(group, export.service))
        except StockyardError as error:
            log.warning("Spans could not be sent: %s", error)
            self._lose(len(group))
            return
        if status >= 300:
            log.warning("The collector refused spans with status %d.", status)
            self._lose(len(group))

    def _lose(self, count: int) -> None:
        self.lost += count
        self._dropped()


def encode(spans: list[Span], service: str) -> bytes:
    """An OTLP/HTTP JSON body (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding)."""
    resource = [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "service.version", "value": {"stringValue": __version__}},
    ]
    scope = {"name": "stockyard", "version": __version__}
    return msgspec.json.encode(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": resource},
                    "scopeSpans": [{"scope": scope, "spans": spans}],
                }
            ]
        }
    )
