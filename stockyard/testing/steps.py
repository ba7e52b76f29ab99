"""The steps a scripted provider takes on a connection."""

from dataclasses import dataclass
from typing import Literal

Farewell = Literal["fin", "rst"]
"""How a connection is ended: properly, or by a reset."""


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Send nothing until the test says `goes_on()`, the client hangs up, or patience ends."""


@dataclass(frozen=True, slots=True)
class HangUp:
    how: Farewell


@dataclass(frozen=True, slots=True)
class Repeat:
    """Send the same bytes until the client hangs up, or patience ends."""

    data: bytes
    every: float


Step = Send | Wait | Stall | HangUp | Repeat
