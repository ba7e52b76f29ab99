"""What the gateway announces. Apps listen; a listener can neither delay nor change a call.

Money, the journal and the ledger hang on `ExchangeFinished`: it comes exactly once for every call,
also for one that was refused, failed, was cut or abandoned.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from msgspec import Struct

from stockyard.core.exchange import Exchange


class ExchangeFinished(Struct, frozen=True):
    exchange: Exchange


class ModuleChanged(Struct, frozen=True):
    """A module was toggled or configured; the next call sees it."""

    name: str
    enabled: bool
    config_version: int


class KeysChanged(Struct, frozen=True):
    """A key was made or revoked."""


class ClockStepped(Struct, frozen=True):
    """The clock on the wall was set by so many milliseconds, forward or (less than 0) back."""

    ms: int


class RefusedFrom(NamedTuple):
    """So many credentials were refused, for one reason and from one network."""

    times: int
    why: str
    network: str


class CredentialsRefused(Struct, frozen=True):
    """What was refused in a while, the most frequent first."""

    sums: tuple[RefusedFrom, ...]
    from_ms: int
    to_ms: int


Signal = ExchangeFinished | ModuleChanged | KeysChanged | ClockStepped | CredentialsRefused
S = TypeVar("S", bound=Signal)


class Signals:
    """Who listens to what. `failed` is told of a listener that raised; the others still run."""

    def __init__(self, failed: Callable[[str, Exception], None]) -> None:
        self._listeners: dict[type, tuple[tuple[str, Callable[..., None]], ...]] = {}
        self._failed = failed

    def listen(self, signal: type[S], name: str, listener: Callable[[S], None]) -> None:
        self._listeners[signal] = (*self._listeners.get(signal, ()), (name, listener))

    def announce(self, signal: Signal) -> None:
        for name, listener in self._listeners.get(type(signal), ()):
            try:
                listener(signal)
            except Exception as error:
                self._failed(name, error)
