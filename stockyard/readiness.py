"""Tell probes whether traffic is welcome, and what is wrong, by the codes of `reliability.md` 8.

Looked at every second, from memory. Calls need neither the database nor the disk, so a gateway that
cannot write its traces is degraded and goes on; only one that turns most of its calls away says no.
"""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from stockyard.gateway.health import Health
from stockyard.gateway.meters import Meters
from stockyard.gateway.overload import Overload
from stockyard.storage.disk import DiskWatch
from stockyard.storage.writer import Writer
from stockyard.upstream.health import TargetHealth

DISK = {"low": "D10", "floor": "D11"}
WRITER = {"failed": "D12", "down": "D13"}
NO_PROVIDER = "D18"
OVERLOADED = "D20"
SETTINGS_REFUSED = "D21"
MOSTLY_SHED_FOR = 10.0
"""Seconds for which more calls must be turned away than end, before traffic should go elsewhere."""


class Readiness:
    """`providers` names those that can be called."""

    def __init__(
        self,
        health: Health,
        *,
        disk: DiskWatch,
        writer: Writer,
        targets: TargetHealth,
        providers: Callable[[], Iterable[str]],
        overload: Overload,
        meters: Meters,
    ) -> None:
        self._health = health
        self._disk = disk
        self._writer = writer
        self._targets = targets
        self._providers = providers
        self._overload = overload
        self._meters = meters
        self._refused = False
        self._counted = (0, 0)
        self._shed_since: float | None = None

    def begin(self) -> None:
        """The start is over."""
        self._tell()

    def settings_read(self, *, refused: bool) -> None:
        """What became of the settings that were read last."""
        self._refused = refused
        self._tell_unless_leaving()

    async def check(self) -> None:
        """The job: look again."""
        self._note_shedding(monotonic())
        self._tell_unless_leaving()

    def _tell_unless_leaving(self) -> None:
        if self._health.state not in ("starting", "draining"):
            self._tell()

    def _tell(self) -> None:
        health, since = self._health, self._shed_since
        if since is not None and monotonic() - since >= MOSTLY_SHED_FOR:
            health.not_ready("overloaded", *self._reasons())
        else:
            health.ready(*self._reasons())

    def _reasons(self) -> Iterator[str]:
        if self._disk.state in DISK:
            yield DISK[self._disk.state]
        if self._writer.state in WRITER:
            yield WRITER[self._writer.state]
        if self._every_provider_fails():
            yield NO_PROVIDER
        if self._overload.shedding or self._shed_since is not None:
            yield OVERLOADED
        if self._refused:
            yield SETTINGS_REFUSED

    def _every_provider_fails(self) -> bool:
        states, ready = self._targets.by_provider(), list(self._providers())
        return bool(ready) and all(states.get(name, "closed") != "closed" for name in ready)

    def _note_shedding(self, now: float) -> None:
        """Whether more calls were turned away than ended since the last look."""
        shed, ended = self._overload.shed.total(), self._meters.calls
        before_shed, before_ended = self._counted
        self._counted = (shed, ended)
        if shed - before_shed <= ended - before_ended:
            self._shed_since = None
        elif self._shed_since is None:
            self._shed_since = now
