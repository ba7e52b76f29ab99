"""How apps see and steer the modules in use, without knowing the gateway."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from msgspec import Struct


class ModuleState(Struct, frozen=True, kw_only=True):
    """One catalog entry as it stands now."""

    name: str
    category: str
    title: str
    """The first line of its docstring."""
    docs: str
    stage: str | None
    """None for a toggle."""
    order: int
    streaming: str | None
    fails: str | None
    handles: tuple[str, ...]
    enabled: bool
    in_line: bool
    """Enabled, and compiled into a Pipeline."""
    state: str
    """`on`, `off`, `idle` (nothing to do with this Config), `tripped`, or what it needs."""
    config: dict[str, Any]
    """The whole Config, defaults included."""
    counters: dict[str, Any]


class Prepared(NamedTuple):
    """A change of one module that was checked completely and has no effect yet."""

    enabled: bool
    config: dict[str, Any]
    """The whole Config as it will be, with secrets hidden."""
    apply: Callable[[int], None]
    """Makes the change effective for the next request. Called with the new config version."""


class LineControl(Protocol):
    """The modules in use. A change is prepared (checked completely), stored, then applied."""

    config_version: int

    def states(self) -> list[ModuleState]:
        """Every catalog entry, in order."""

    def resolve(self, name: str) -> str:
        """The real name behind a name or alias. Raises Refused (404 `module_unknown`)."""

    def state(self, name: str) -> ModuleState: ...
    def schema(self, name: str) -> dict[str, Any]:
        """JSON Schema 2020-12 of the Config."""

    def prepare(
        self, name: str, *, enabled: bool | None, config: dict[str, Any] | None
    ) -> Prepared:
        """Check a change and build everything it needs. Raises InvalidConfig."""
