"""The time limits of a realtime session: its length, its idle time, and the silence of a side.

No I/O: the Relay reports what it hears, and asks once a second what is overdue.
"""

from typing import NamedTuple

from msgspec import Struct

from stockyard.upstream.frames import FAULT

PING_SECONDS = 20.0
"""After so much silence of a side both are pinged."""
DEAD_SECONDS = 60.0
"""How long a side may be silent although it is pinged."""
TIMED_OUT = 4408


class Lasting(Struct, frozen=True):
    """How long a session may last."""

    idle_seconds: float = 900.0
    """Without a message from either side."""
    total_seconds: float = 3600.0


class Overdue(NamedTuple):
    """Why a session must end now: code and reason for the close frame."""

    code: int
    reason: str


class SessionClock:
    """The times of one session. Each method gets the current time, in seconds."""

    def __init__(self, lasting: Lasting, now: float) -> None:
        self._lasting = lasting
        self._began = self._spoken_at = self._heard_at = self._pinged_at = now

    def heard(self, now: float) -> None:
        """The client sent a frame, be it a pong."""
        self._heard_at = now

    def spoken(self, now: float) -> None:
        """Either side sent a message."""
        self._spoken_at = now

    def overdue(self, now: float, provider_heard_at: float) -> Overdue | None:
        if now - self._began > self._lasting.total_seconds:
            return Overdue(TIMED_OUT, "The session has lasted too long (timeout.session).")
        if now - self._spoken_at > self._lasting.idle_seconds:
            return Overdue(TIMED_OUT, "Nobody says anything (timeout.session_idle).")
        if self._silence(now, provider_heard_at) > DEAD_SECONDS:
            return Overdue(FAULT, "The other side fell silent.")
        return None

    def pings_now(self, now: float, provider_heard_at: float) -> bool:
        """Whether both sides are to be pinged now; true once per PING_SECONDS of silence."""
        silent = self._silence(now, provider_heard_at) > PING_SECONDS
        if not silent or now - self._pinged_at <= PING_SECONDS:
            return False
        self._pinged_at = now
        return True

    def _silence(self, now: float, provider_heard_at: float) -> float:
        """Seconds since the side that has been silent for longer sent anything."""
        return now - min(self._heard_at, provider_heard_at)
