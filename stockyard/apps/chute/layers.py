"""The configuration of modules in three layers: defaults, config file, and API.

What was set over the API is stored and survives restarts. It takes precedence until the file's
section is edited. With `config.owner = "file"`, sections of the file cannot be changed over the API
at all.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec.structs import replace

from stockyard.apps.chute.models import StoredState, Wish
from stockyard.core.control import LineControl, ModuleState, Prepared
from stockyard.errors import CannotStart, InvalidConfig, Refused

BY_FILE = "config-file"


class Section(Protocol):
    """A module as the config file wants it."""

    @property
    def enabled(self) -> bool: ...
    @property
    def locked(self) -> bool: ...
    @property
    def config(self) -> dict[str, Any]: ...


class Layers:
    """`shipped` and `stored` by the modules' names, `sections` by the names that the file uses.

    Raises CannotStart (78) for a section of a module that does not exist.
    """

    def __init__(
        self,
        control: LineControl,
        shipped: Mapping[str, ModuleState],
        sections: Mapping[str, Section],
        stored: Mapping[str, StoredState],
        *,
        owned_by_file: bool,
    ) -> None:
        self._control = control
        self._shipped = shipped
        self._asked = {_known(control, name): name for name in sections}
        """The name under which the file speaks of a module, which may be another one."""
        self._sections = {name: sections[asked] for name, asked in self._asked.items()}
        self._stored = dict(stored)
        self._owned_by_file = owned_by_file

    def with_sections(self, sections: Mapping[str, Section]) -> "Layers":
        """The same under a file that was edited."""
        return Layers(
            self._control,
            self._shipped,
            sections,
            self._stored,
            owned_by_file=self._owned_by_file,
        )

    def edited_since(self, before: "Layers") -> list[str]:
        """The modules of which the file says something else than before, in catalog order."""
        return [
            name for name in self._shipped if before._sections.get(name) != self._sections.get(name)
        ]

    def spoken_of(self) -> list[str]:
        """The modules that the file or the API configures, in catalog order."""
        spoken = {state.name for state in self._stored.values() if state.says_something}
        return [name for name in self._shipped if name in spoken or name in self._sections]

    def stored(self, name: str) -> StoredState:
        """What was set on a module over the API; version 0 if nothing ever was."""
        return self._stored.get(name) or StoredState(name=name)

    def store(self, state: StoredState) -> None:
        """Take up what was just stored."""
        self._stored[state.name] = state

    def forget_outdated(self) -> list[StoredState]:
        """Drop what was set over the API where the file was edited after it."""
        outdated = [
            StoredState(name=state.name, updated_by=BY_FILE)
            for state in self._stored.values()
            if self._is_outdated(state)
        ]
        for state in outdated:
            self.store(state)
        return outdated

    def set_at(self, name: str) -> Literal["shipped", "file", "api"]:
        """The layer that has the last word on a module."""
        if self.stored(name).says_something:
            return "api"
        return "file" if name in self._sections else "shipped"

    def locked(self, name: str) -> bool:
        section = self._sections.get(name)
        return self.stored(name).locked or (section is not None and section.locked)

    def config(self, name: str) -> Mapping[str, Any]:
        """The Config as the layer says it that has the last word; defaults are left out."""
        stored, section = self.stored(name), self._sections.get(name)
        if stored.config is not None:
            return stored.config
        return section.config if section is not None else {}

    def refuse_if_held(self, name: str, wish: Wish) -> None:
        """Raises Refused (409) where the file, or a lock, keeps a module as it is."""
        section = self._sections.get(name)
        if section is not None and self._owned_by_file:
            raise Refused(
                409,
                "owned_by_file",
                f"Change [modules.{name}] in the config file, then send SIGHUP.",
            )
        if section is not None and section.locked:
            raise Refused(409, "locked", f"The config file locks the module {name}.")
        if self.stored(name).locked and wish.locked is not False:
            raise Refused(409, "locked", f"The module {name} is locked: send `locked: false`.")

    def wished(self, asked: str, wish: Wish, by: str) -> StoredState:
        """The state to store for a requested change. `asked` may be another name of the module."""
        name = self._control.resolve(asked)
        before = self.stored(name)
        return replace(
            before,
            asked=before.asked if asked == name else asked,
            enabled=before.enabled if wish.enabled is None else wish.enabled,
            config=before.config if wish.config is None else wish.config,
            locked=before.locked if wish.locked is None else wish.locked,
            updated_by=by,
            file_sha256=self._digest(name),
        )

    def prepare(self, stored: StoredState) -> Prepared:
        """Check all that is said about a module, with this in place of what was set over the API.

        Raises InvalidConfig.
        """
        name = stored.name
        section = self._sections.get(name)
        enabled = section.enabled if section else self._shipped[name].enabled
        config = section.config if section else {}
        return self._control.prepare(
            stored.asked or self._asked.get(name, name),
            enabled=enabled if stored.enabled is None else stored.enabled,
            config=config if stored.config is None else stored.config,
        )

    def prepare_all(self, names: Iterable[str]) -> dict[str, Prepared]:
        """Check these modules as they are set. Raises CannotStart (78), with where and why."""
        return {name: self._prepared(name) for name in names}

    def _prepared(self, name: str) -> Prepared:
        try:
            return self.prepare(self.stored(name))
        except InvalidConfig as error:
            where = f"modules.{name}" + (f".{error.path}" if error.path else "")
            cure = "" if self.set_at(name) == "file" else f" Set [modules.{name}] in the file anew."
            raise CannotStart(78, f"{where}: {error.message}{cure}") from None

    def _is_outdated(self, state: StoredState) -> bool:
        """Whether the file's section was edited after this was set over the API."""
        if state.name not in self._sections or not state.says_something:
            return False
        return self._owned_by_file or state.file_sha256 != self._digest(state.name)

    def _digest(self, name: str) -> bytes | None:
        """Of the file's section. What the file says is never copied into the database: it may hold
        secrets."""
        section = self._sections.get(name)
        if section is None:
            return None
        written = [section.enabled, section.locked, section.config]
        return hashlib.sha256(msgspec.json.encode(written, order="deterministic")).digest()


def _known(control: LineControl, name: str) -> str:
    try:
        return control.resolve(name)
    except Refused as error:
        raise CannotStart(78, f"modules.{name}: {error.message}") from None
