"""The Line: which modules are on, and the current Pipelines, one for each kind of call.

A change is prepared completely (its Config checked, its module built) before it is stored, and
takes effect with one assignment. A running call keeps the Pipeline it began with.
"""

import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, get_args

import msgspec
from msgspec import Struct

from stockyard.core.control import ModuleState, Prepared
from stockyard.core.kind import ALL_KINDS, Kind
from stockyard.core.module import HIDDEN, AnyModule, Module, ModuleConfig, Stage, Toggle
from stockyard.core.pipeline import Pipeline
from stockyard.core.ports import Ports
from stockyard.core.standing import Standings
from stockyard.errors import InvalidConfig, PortMissing, Refused

ModuleClass = type[Toggle[Any]]
UNREAD: tuple[Kind, ...] = ("passthrough", "realtime")
"""Kinds of call whose texts modules do not get to see."""
Aliases = Mapping[str, tuple[str, Mapping[str, Any]]]
"""Another name for a module -> its name, and the options which that name presets."""


class Setting(Struct, frozen=True):
    """The settings of one module."""

    enabled: bool
    config: ModuleConfig


class Pipelines(Protocol):
    """Has the current Pipelines, one for each kind of call."""

    pipelines: dict[Kind, Pipeline]


class Keyed:
    """The Pipelines for calls with an `Idempotency-Key`."""

    pipelines: dict[Kind, Pipeline]


class Line:
    """The modules in use. Fulfils `core.control.LineControl`."""

    def __init__(
        self,
        catalog: Sequence[ModuleClass],
        ports: Ports,
        standings: Standings,
        aliases: Aliases | None = None,
    ) -> None:
        self._catalog = {cls.name: cls for cls in catalog}
        self._ports = ports
        self._standings = standings
        self._aliases = aliases or {}
        self._settings = {
            cls.name: Setting(bool(getattr(cls, "on_by_default", False)), config_class(cls)())
            for cls in catalog
        }
        self._modules: dict[str, AnyModule] = {}
        self._needs: dict[str, str] = {}
        self.config_version = 1
        self.pipelines: dict[Kind, Pipeline] = {}
        self.keyed = Keyed()
        self.guards: dict[Kind, str] = {}
        """Kind of call -> the module that blocks it because it cannot read its text."""
        for name in self._catalog:
            self._rebuild(name)
        self._compile()

    # What is in use

    def module(self, name: str) -> AnyModule | None:
        """The running module of this name, if it is on."""
        return self._modules.get(name)

    def fingerprint(self) -> str:
        """A digest of the Configs of all CALL-stage modules in use: part of every cache key."""
        return self._fingerprint

    def states(self) -> list[ModuleState]:
        return [self.state(name) for name in self._catalog]

    def state(self, name: str) -> ModuleState:
        name = self.resolve(name)
        cls, setting = self._catalog[name], self._settings[name]
        module = self._modules.get(name)
        standing = self._standings.of(name)
        docs = inspect.getdoc(inspect.getmodule(cls)) or ""
        around = cls if issubclass(cls, Module) else None
        return ModuleState(
            name=name,
            category=cls.category,
            title=docs.partition("\n")[0],
            docs=docs,
            stage=around.stage.name if around else None,
            order=list(self._catalog).index(name) + 1,
            streaming=(module or around).streaming.value if around else None,
            fails=(module or around).fails.value if around else None,
            handles=tuple(sorted(around.handles)) if around else (),
            enabled=setting.enabled,
            in_line=module is not None and not module.idle(),
            state=self._state_of(name, setting, module),
            config=_shown(setting.config),
            counters={
                "calls": standing.calls,
                "decisions": dict(standing.decisions),
                "findings": standing.decisions.total(),
                "failures": standing.failures,
                "trips": standing.trips,
                "mean_us": standing.nanoseconds / 1000 / standing.calls if standing.calls else 0.0,
                "since": self._standings.since,
            },
        )

    def _state_of(self, name: str, setting: Setting, module: AnyModule | None) -> str:
        if not setting.enabled:
            return "off"
        if name in self._needs:
            return f"on, not running: {self._needs[name]}"
        if self._standings.of(name).tripped:
            return "tripped"
        return "idle" if module is not None and module.idle() else "on"

    def resolve(self, name: str) -> str:
        if name in self._catalog:
            return name
        alias = self._aliases.get(name)
        if alias is None or alias[0] not in self._catalog:
            message = f"There is no module '{name[:64]}'.{self._nearest(name)}"
            raise Refused(404, "module_unknown", message)
        return alias[0]

    def _nearest(self, name: str) -> str:
        """A hint at the module that was probably meant."""
        from difflib import get_close_matches  # takes a while to import, and is seldom needed

        close = get_close_matches(name[:64], (*self._catalog, *self._aliases), n=1)
        return f" Did you mean '{close[0]}'?" if close else ""

    def secrets(self) -> Iterator[str]:
        """The secret values in the Configs of modules, which must never be shown."""
        for setting in self._settings.values():
            for field in setting.config.secret:
                yield from getattr(setting.config, field).values()

    def schema(self, name: str) -> dict[str, Any]:
        return msgspec.json.schema(config_class(self._catalog[self.resolve(name)]))

    # Changes

    def prepare(
        self, name: str, *, enabled: bool | None, config: dict[str, Any] | None
    ) -> Prepared:
        real = self.resolve(name)
        preset = self._aliases[name][1] if name in self._aliases and name != real else {}
        cls, before = self._catalog[real], self._settings[real]
        wanted = before.config
        if config is not None or preset:
            given = _changed(before) if config is None else config
            wanted = read_config(cls, {**preset, **given})
        setting = Setting(before.enabled if enabled is None else enabled, wanted)
        module, needs = self._build(real, setting, check=True)

        def apply(version: int) -> None:
            self._settings[real] = setting
            self._place(real, module, needs)
            self.config_version = version
            self._compile()

        return Prepared(setting.enabled, _shown(setting.config), apply)

    def refresh(self) -> None:
        """Recompile, because a module may have become idle or busy."""
        self._compile()

    def _rebuild(self, name: str) -> None:
        self._place(name, *self._build(name, self._settings[name], check=False))

    def _build(
        self, name: str, setting: Setting, *, check: bool
    ) -> tuple[AnyModule | None, str | None]:
        """The module, or what it is missing. With `check`, a module that is off is built as well,
        because building it checks its Config."""
        cls = self._catalog[name]
        if not issubclass(cls, Module) or not (setting.enabled or check):
            return None, None
        try:
            module = cls(setting.config, self._ports)
        except PortMissing as missing:
            return None, missing.message
        except (ValueError, TypeError) as error:
            raise InvalidConfig("", f"This Config cannot be used: {error}") from error
        return (module if setting.enabled else None), None

    def _place(self, name: str, module: AnyModule | None, needs: str | None) -> None:
        self._modules.pop(name, None)
        self._needs.pop(name, None)
        if module is not None:
            self._modules[name] = module
        if needs is not None:
            self._needs[name] = needs

    def _compile(self) -> None:
        """Build all Pipelines and replace the old ones with one assignment."""
        running = [self._modules[name] for name in self._catalog if name in self._modules]
        busy = [module for module in running if not module.idle()]
        digest = hashlib.sha256()
        for module in busy:
            if module.stage is Stage.CALL:
                digest.update(module.name.encode() + msgspec.json.encode(module.config))
        self._fingerprint = digest.hexdigest()
        usual = [module for module in busy if not module.only_keyed]
        self.pipelines = self._compiled(usual)
        self.keyed.pipelines = self.pipelines if usual == busy else self._compiled(busy)
        guards = [m for m in busy if m.stage is Stage.INSPECT and not m.only_notes]
        self.guards = {k: m.name for k in UNREAD for m in guards if k not in m.handles}

    def _compiled(self, modules: Sequence[AnyModule]) -> dict[Kind, Pipeline]:
        return {
            kind: Pipeline(
                [module for module in modules if kind in module.handles],
                self._standings,
                version=self.config_version,
            )
            for kind in ALL_KINDS
        }


def _shown(config: ModuleConfig) -> dict[str, Any]:
    """A Config as plain values, with secrets hidden."""
    said: dict[str, Any] = msgspec.to_builtins(config)
    for field in config.secret:
        said[field] = dict.fromkeys(said[field], HIDDEN)
    return said


def _changed(setting: Setting) -> dict[str, Any]:
    """The options that differ from the defaults. A preset may set the others."""
    shipped = msgspec.to_builtins(type(setting.config)())
    now = msgspec.to_builtins(setting.config)
    return {option: value for option, value in now.items() if value != shipped[option]}


def config_class(cls: ModuleClass) -> type[ModuleConfig]:
    """The Config class of a module: the type argument of its base class."""
    for ancestor in cls.__mro__:
        for origin in getattr(ancestor, "__orig_bases__", ()):
            for argument in get_args(origin):
                if isinstance(argument, type) and issubclass(argument, ModuleConfig):
                    return argument
    return ModuleConfig


def read_config(cls: ModuleClass, given: Mapping[str, Any]) -> ModuleConfig:
    """A Config from plain values. Raises InvalidConfig with the path of the first fault."""
    wanted = config_class(cls)
    known = {field.encode_name for field in msgspec.structs.fields(wanted)}
    for name in given:
        if name not in known:
            raise InvalidConfig(str(name), f"There is no option '{name}'.", code="unknown_option")
    try:
        return msgspec.convert(dict(given), wanted, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidConfig(path.rstrip("`").lstrip("."), message) from error
