"""Shrink limits while providers or this process are overloaded, and grow them back."""

from stockyard.core.exchange import Exchange
from stockyard.core.ports import Ports

PERIOD_SECONDS = 10.0
"""How often the share is judged anew."""
LIMITED_RATIO = 0.05
"""Limits shrink when more than this share of the providers' answers is 429."""
LAG_SECONDS = 0.05
"""They also shrink when the event loop is this late."""
PROBE_SECONDS = 0.5
"""How often the event loop's lateness is measured."""
SHRINK, GROW = 0.7, 1.05
"""Factors per period."""


class AdaptiveShare:
    """The share of the configured limits that is in force now."""

    def __init__(self, ports: Ports, floor: float) -> None:
        self._ports = ports
        self._floor = floor
        self.share = 1.0
        self._until = ports.clock() + PERIOD_SECONDS
        self._answers = self._limited = 0
        self._lag = 0.0
        self._probe_due = 0.0
        self._probing = False

    def count(self, x: Exchange) -> None:
        """Count the provider answers of a finished call."""
        for attempt in x.attempts:
            if attempt.status is not None:
                self._answers += 1
                self._limited += attempt.status == 429

    def update(self) -> None:
        """Called with each call: measures the loop, and judges the period when it is over."""
        now = self._ports.clock()
        if not self._probing:
            self._probing = True
            self._probe(now)
        if now >= self._until:
            self._judge()
            self._until = now + PERIOD_SECONDS

    def _judge(self) -> None:
        bad = self._limited > LIMITED_RATIO * self._answers or self._lag > LAG_SECONDS
        self.share = max(self._floor, self.share * SHRINK) if bad else min(1.0, self.share * GROW)
        self._answers = self._limited = 0
        self._lag = 0.0

    def _probe(self, now: float) -> None:
        self._probe_due = now + PROBE_SECONDS
        self._ports.later(PROBE_SECONDS, self._probed)

    def _probed(self) -> None:
        now = self._ports.clock()
        self._lag = max(self._lag, now - self._probe_due)
        # Without calls the measuring stops; the next call starts it again.
        self._probing = now < self._until + PERIOD_SECONDS
        if self._probing:
            self._probe(now)
