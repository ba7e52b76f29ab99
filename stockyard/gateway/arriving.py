"""A request body that is being received, and its deadlines."""

from stockyard.gateway.bodies import ChunkedBody, SizedBody
from stockyard.gateway.contract import Opening
from stockyard.gateway.deadlines import Pace
from stockyard.gateway.http import Head
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.spool import SpooledBody


class Arriving:
    __slots__ = ("_limits", "_pace", "_until", "body", "head", "opening", "received")

    def __init__(
        self,
        head: Head,
        opening: Opening | None,
        body: SizedBody | ChunkedBody | SpooledBody,
        now: float,
        limits: HttpLimits,
    ) -> None:
        self.head = head
        self.opening = opening
        """None when the body is for the control plane."""
        self.body = body
        self.received = 0
        self._limits = limits
        self.forgive(now)

    def forgive(self, now: float) -> None:
        """Restart all deadlines."""
        limits = self._limits
        self._pace = Pace(now, self.received, limits.body_grace_s, limits.body_min_rate_bytes_per_s)
        self._until = now + limits.body_timeout_s

    @property
    def deadline(self) -> float:
        return min(self._pace.until, self._until)

    def missed(self, now: float) -> str | None:
        """The name of the deadline that has passed, if any."""
        if now >= self._until:
            return "http.body_timeout"
        if self._pace.too_slow(now, self.received):
            return "http.body_min_rate"
        return None
