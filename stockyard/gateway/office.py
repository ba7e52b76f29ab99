"""What all calls share: how they are dispatched, the set of running calls, and how they end."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Protocol

from stockyard.core.exchange import Exchange
from stockyard.core.signals import ExchangeFinished, Signals
from stockyard.core.standing import Standings
from stockyard.gateway.drains import Drains
from stockyard.gateway.meters import Meters
from stockyard.gateway.overload import Overload
from stockyard.gateway.pings import Pings
from stockyard.upstream.dispatch import Dispatch
from stockyard.wire.codec import REASONING_FIELD, Codec

log = logging.getLogger(__name__)


class UnderWay(Protocol):
    """A call that has begun and not ended, as far as the Office needs to know it."""

    x: Exchange


class Office:
    def __init__(
        self,
        *,
        dispatch: Dispatch,
        signals: Signals,
        standings: Standings,
        meters: Meters,
        pings: Pings,
        drains: Drains,
        overload: Overload,
        formats: Mapping[str, Codec],
        plain: Codec,
        closing_comment: Callable[[Exchange], bytes],
    ) -> None:
        self.use(dispatch)
        self.pings = pings
        self.drains = drains
        self.overload = overload
        self.formats = formats
        self.plain = plain
        """Encodes errors on paths without a format."""
        self.closing_comment = closing_comment
        """Gives the comment with the totals of a stream; empty if it is switched off."""
        self.running: set[UnderWay] = set()
        self.reasoning_field = REASONING_FIELD
        """The field for thinking in chat answers that are encoded here."""
        self._signals = signals
        self._standings = standings
        self._meters = meters

    def use(self, dispatch: Dispatch) -> None:
        """Dispatch calls that begin from now on with this one."""
        self.dispatch = dispatch
        self.choose = dispatch.choose

    def finished(self, call: UnderWay) -> None:
        """A call ended: count it and announce it. A second announcement is refused, because money
        and the ledger hang on there being exactly one."""
        self.running.discard(call)
        x = call.x
        if x.ended:
            log.error("call %s ended a second time", x.id)
            return
        x.ended = perf_counter_ns()
        self._meters.count(x)
        self._standings.book(x)
        self._signals.announce(ExchangeFinished(x))

    async def quiet(self, within: float) -> None:
        """Wait until no call is running, for at most so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while self.running:
            if loop.time() > until:
                log.warning("%d calls would not end.", len(self.running))
                return
            await asyncio.sleep(0.01)

    def unexpected(self, x: Exchange, error: Exception) -> None:
        """Log an error that nobody foresaw. Its call is answered with a plain 500."""
        log.error("call %s failed unexpectedly", x.id, exc_info=error)
