"""Module settings as stored and shown, and the providers and models that can be called."""

from datetime import date
from typing import Any, Literal

from msgspec import Struct

from stockyard.core.ports import Stored
from stockyard.core.price import PriceState


class StoredState(Struct, frozen=True, kw_only=True):
    """What was set on one module over the API. None means that nothing was said about it.

    `version` is the number of the configuration in which it changed last.
    """

    name: str
    asked: str = ""
    """The other name it was set under, if any: such a name may preset some of the Config."""
    enabled: bool | None = None
    locked: bool = False
    config: dict[str, Any] | None = None
    version: int = 0
    updated_at: int = 0
    updated_by: str = ""
    file_sha256: bytes | None = None
    """Of the file's section at that time, to see whether it was edited since."""

    @property
    def says_something(self) -> bool:
        return self.enabled is not None or self.config is not None or self.locked


class Wish(Struct, frozen=True, kw_only=True):
    """A requested change. None leaves a value as it is."""

    enabled: bool | None = None
    config: dict[str, Any] | None = None
    locked: bool | None = None


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that a change would change. `pointer` is where, as a JSON Pointer."""

    module: str
    pointer: str
    before: Any
    after: Any


class Planned(Struct, frozen=True, kw_only=True):
    """What a change would do: validated, and not made."""

    dry_run: Literal[True] = True
    differences: list[Difference]
    config_version: int


class ProviderState(Struct, frozen=True, kw_only=True):
    """The state of a provider. Its Credentials are named, never shown."""

    name: str
    title: str = ""
    enabled: bool
    source: str
    """`catalogue`, `file` or `built-in`."""
    formats: tuple[str, ...] = ()
    base_url: str = ""
    credentials: tuple[str, ...] = ()
    state: str = "ready"
    """`ready`, or what it needs."""
    docs: str = ""


class ModelState(Struct, frozen=True, kw_only=True):
    """A model that can be called."""

    id: str
    provider: str
    kinds: tuple[str, ...] = ()
    owned_by: str = ""
    context: int | None = None
    """Tokens that it reads at most, where that is known."""
    max_output: int | None = None
    can: tuple[str, ...] = ()
    """Words such as `tools`, `vision`, `reasoning`."""
    price_state: PriceState = "unpriced"
    input_micros: int | None = None
    """Micro-dollars for a million tokens; more about it under `/api/billing/prices`."""
    output_micros: int | None = None
    ends: date | None = None
    """When the provider stops offering it."""


class Purge(Struct, frozen=True, kw_only=True):
    """Which answers go: those for which everything said here holds."""

    model: str | None = None
    key_id: str | None = None
    user: str | None = None
    tag: tuple[str, str] | None = None
    before: float | None = None
    """Those stored earlier."""

    def takes(self, stored: Stored) -> bool:
        return (
            self.model in (None, stored.model)
            and self.key_id in (None, stored.key_id)
            and self.user in (None, stored.user)
            and (self.before is None or stored.stored_at < self.before)
            and (self.tag is None or self.tag in stored.tags)
        )
