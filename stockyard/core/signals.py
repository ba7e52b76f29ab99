"""What the gateway announces. Apps listen; a listener can neither delay nor change a call.

Money, the journal and the ledger depend on `ExchangeFinished`: it is announced exactly once for
every call, however it ended: refused, failed, cut off or abandoned ones included.
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
    """The system's clock was set by so many milliseconds: forward, or back if negative."""

    ms: int


class RefusedFrom(NamedTuple):
    """How many credentials were refused for one reason and from one network."""

    times: int
    why: str
    network: str


class CredentialsRefused(Struct, frozen=True):
    """Credentials refused in a period of time, the most frequent reasons first."""

    sums: tuple[RefusedFrom, ...]
    from_ms: int
    to_ms: int


Signal = ExchangeFinished | ModuleChanged | KeysChanged | ClockStepped | CredentialsRefused
S = TypeVar("S", bound=Signal)


class Signals:
    """The listeners of each signal. One that raises is reported to `failed`; the others run."""

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
