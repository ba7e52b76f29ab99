"""Changes of modules: checked, then stored, then in effect, in that order and one at a time.

How a module is set comes from three layers: how it was shipped, the config file's section, and what
was changed over the API, which is stored and kept over restarts. A change over the API counts until
the file's section is edited after it. With `config.owner = "file"` the sections of the file cannot
be changed over the API at all. What the file says is never copied into the database: it may hold
secrets.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import time_ns
from typing import Any, Literal, Protocol

import msgspec
from msgspec.structs import replace

from stockyard.apps.chute import store
from stockyard.apps.chute.models import Difference, StoredState, Wish
from stockyard.core.control import LineControl, ModuleState, Prepared
from stockyard.core.signals import ModuleChanged, Signal
from stockyard.errors import CannotStart, InvalidConfig, Refused, StockyardError
from stockyard.storage.database import Database

log = logging.getLogger("stockyard.chute")

BY_FILE = "config-file"
EDITED = "The config file was edited."


class Section(Protocol):
    """A module as the config file wants it."""

    @property
    def enabled(self) -> bool: ...
    @property
    def locked(self) -> bool: ...
    @property
    def config(self) -> dict[str, Any]: ...


class ModuleChanges:
    """All changes of modules go through here."""

    def __init__(
        self,
        control: LineControl,
        database: Database,
        announce: Callable[[Signal], None],
        *,
        sections: Mapping[str, Section],
        owned_by_file: bool,
    ) -> None:
        self.control = control
        self._database = database
        self._announce = announce
        self._written = sections
        self._owned_by_file = owned_by_file
        self._sections: dict[str, Section] = {}
        self._asked: dict[str, str] = {}
        """The name under which the file speaks of a module, where that is another one."""
        self._stored: dict[str, StoredState] = {}
        self._shipped: dict[str, ModuleState] = {}
        self.one_at_a_time = asyncio.Lock()
        """Held during every change."""

    async def start(self) -> None:
        """Put what is stored and what the file says into effect. Raises CannotStart (78)."""
        self._shipped = {state.name: state for state in self.control.states()}
        self._read_sections()
        self._stored = store.states(self._database)
        for name in self._stored.keys() - self._shipped.keys():
            log.warning("The module %s is not in this version; what was set on it is kept.", name)
        outdated = self._forget_outdated()
        number = store.newest_version(self._database)
        checked = [self._checked_at_start(name) for name in self._set_on_start()]
        if outdated:
            number = await self._save(outdated, BY_FILE, EDITED)
        self.control.config_version = number
        for prepared in checked:
            prepared.apply(number)

    async def take_up(self, sections: Mapping[str, Section]) -> None:
        """Put what the file says now into effect; the caller holds `one_at_a_time`.

        Raises CannotStart (78) before the first wait; then everything is as it was.
        """
        before = self._written, self._asked, self._sections, dict(self._stored)
        try:
            self._written = sections
            self._read_sections()
            outdated = self._forget_outdated()
            edited = [
                name for name in self._shipped if before[2].get(name) != self._sections.get(name)
            ]
            prepared = {name: self._checked_at_start(name) for name in edited}
            number = await self._save(outdated, BY_FILE, EDITED) if edited else 0
        except StockyardError:
            self._written, self._asked, self._sections, self._stored = before
            raise
        for name, change in prepared.items():
            self._put_into_effect(name, change, number)

    async def change(
        self,
        name: str,
        wish: Wish,
        *,
        by: str,
        reason: str = "",
        if_match: frozenset[int] | None = None,
    ) -> tuple[ModuleState, int]:
        """Change one module. Returns how it is then, and which version of it was replaced, which is
        one of `if_match` where that is given."""
        async with self.one_at_a_time:
            real = self.control.resolve(name)
            before = self.stored(real)
            refuse_stale(before.version, if_match)
            await self._carry_out({name: wish}, by, reason)
            return self.control.state(real), before.version

    async def edit(
        self,
        name: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        by: str,
        reason: str = "",
    ) -> None:
        """Change a part of what is set on a module, whatever it is by then."""
        async with self.one_at_a_time:
            name = self.control.resolve(name)
            config = change(dict(self._said_of(name)))
            await self._carry_out({name: Wish(config=config)}, by, reason)

    def _said_of(self, name: str) -> Mapping[str, Any]:
        """The Config as the layer says it that has the last word."""
        stored, section = self.stored(name), self._sections.get(name)
        if stored.config is not None:
            return stored.config
        return section.config if section is not None else {}

    def planned(self, wishes: Mapping[str, Wish]) -> list[Difference]:
        """What these changes would change. Raises what carrying them out would raise."""
        found: list[Difference] = []
        for asked, wish in wishes.items():
            name = self.control.resolve(asked)
            self._refuse_if_held(name, wish)
            change = self.control.prepare(asked, enabled=wish.enabled, config=wish.config)
            locked = self.locked(name) if wish.locked is None else wish.locked
            found += self._differences(name, change, locked=locked)
        return found

    def planned_for_all(self, names: Sequence[str], enabled: bool) -> list[Difference]:
        return self.planned({name: Wish(enabled=enabled) for name in self._resolve_all(names)})

    def planned_reset(self, name: str) -> list[Difference]:
        """What `reset` would change."""
        name = self.control.resolve(name)
        self._refuse_if_held(name, Wish())
        change = self._prepare_layers(StoredState(name=name))
        return self._differences(name, change, locked=False)

    def _differences(self, name: str, change: Prepared, *, locked: bool) -> list[Difference]:
        now = self.control.state(name)
        pairs = {
            "/enabled": (now.enabled, change.enabled),
            "/locked": (self.locked(name), locked),
            **{f"/config/{key}": (now.config[key], change.config[key]) for key in now.config},
        }
        return [
            Difference(module=name, pointer=pointer, before=before, after=after)
            for pointer, (before, after) in pairs.items()
            if before != after
        ]

    async def change_all(
        self, names: Sequence[str], enabled: bool, *, by: str, reason: str = ""
    ) -> int:
        """Switch many modules on or off: all of them, or none. How many there were."""
        async with self.one_at_a_time:
            wishes = {name: Wish(enabled=enabled) for name in self._resolve_all(names)}
            await self._carry_out(wishes, by, reason)
            return len(wishes)

    async def reset(
        self, name: str, *, by: str, reason: str = "", if_match: frozenset[int] | None = None
    ) -> ModuleState:
        """Forget what was set over the API: back to the config file, or to how it was shipped."""
        async with self.one_at_a_time:
            name = self.control.resolve(name)
            refuse_stale(self.stored(name).version, if_match)
            self._refuse_if_held(name, Wish())
            empty = StoredState(name=name, updated_by=by)
            change = self._prepare_layers(empty)
            number = await self._save([empty], by, reason)
            self._put_into_effect(name, change, number)
            return self.control.state(name)

    def stored(self, name: str) -> StoredState:
        """What was set on a module over the API; version 0 if nothing ever was."""
        return self._stored.get(name) or StoredState(name=name)

    def set_at(self, name: str) -> Literal["shipped", "file", "api"]:
        """The layer that has the last word on a module."""
        if self.stored(name).says_something:
            return "api"
        return "file" if name in self._sections else "shipped"

    def locked(self, name: str) -> bool:
        section = self._sections.get(name)
        return self.stored(name).locked or (section is not None and section.locked)

    async def _carry_out(self, wishes: Mapping[str, Wish], by: str, reason: str) -> None:
        """`wishes` by the names that were asked for. Checked completely before any is stored."""
        prepared = {}
        for asked, wish in wishes.items():
            name = self.control.resolve(asked)
            self._refuse_if_held(name, wish)
            prepared[name] = self.control.prepare(asked, enabled=wish.enabled, config=wish.config)
        if not wishes:
            return
        changed = [self._wished(asked, wish, by) for asked, wish in wishes.items()]
        number = await self._save(changed, by, reason)
        for name, change in prepared.items():
            self._put_into_effect(name, change, number)

    def _prepare_layers(self, state: StoredState) -> Prepared:
        """Everything that is said about a module, the last layer that speaks winning."""
        name = state.name
        section = self._sections.get(name)
        enabled = section.enabled if section else self._shipped[name].enabled
        config = section.config if section else {}
        return self.control.prepare(
            state.asked or self._asked.get(name, name),
            enabled=enabled if state.enabled is None else state.enabled,
            config=config if state.config is None else state.config,
        )

    def _put_into_effect(self, name: str, change: Prepared, number: int) -> None:
        change.apply(number)
        enabled = self.control.state(name).enabled
        self._announce(ModuleChanged(name, enabled, number))

    def _wished(self, asked: str, wish: Wish, by: str) -> StoredState:
        name = self.control.resolve(asked)
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

    def _refuse_if_held(self, name: str, wish: Wish) -> None:
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

    def _resolve_all(self, names: Sequence[str]) -> list[str]:
        found, unknown = [], []
        for name in names:
            try:
                found.append(self.control.resolve(name))
            except Refused:
                unknown.append(name)
        if unknown:
            listed = ", ".join(unknown)
            raise Refused(404, "module_unknown", f"There are no such modules: {listed}.")
        return found

    def _known(self, name: str) -> str:
        try:
            return self.control.resolve(name)
        except Refused as error:
            raise CannotStart(78, f"modules.{name}: {error.message}") from None

    def _is_outdated(self, state: StoredState) -> bool:
        """Whether the file's section was edited after this was set over the API."""
        if state.name not in self._sections or not state.says_something:
            return False
        return self._owned_by_file or state.file_sha256 != self._digest(state.name)

    def _read_sections(self) -> None:
        self._asked = {self._known(name): name for name in self._written}
        self._sections = {name: self._written[asked] for name, asked in self._asked.items()}

    def _forget_outdated(self) -> list[StoredState]:
        """Drop what was set over the API where the file was edited after it."""
        outdated = [
            StoredState(name=state.name, updated_by=BY_FILE)
            for state in self._stored.values()
            if self._is_outdated(state)
        ]
        for state in outdated:
            self._stored[state.name] = state
        return outdated

    def _set_on_start(self) -> list[str]:
        """The modules about which somebody says something, in catalog order."""
        spoken = {state.name for state in self._stored.values() if state.says_something}
        return [name for name in self._shipped if name in spoken or name in self._sections]

    def _checked_at_start(self, name: str) -> Prepared:
        try:
            return self._prepare_layers(self.stored(name))
        except InvalidConfig as error:
            where = f"modules.{name}" + (f".{error.path}" if error.path else "")
            cure = "" if self.set_at(name) == "file" else f" Set [modules.{name}] in the file anew."
            raise CannotStart(78, f"{where}: {error.message}{cure}") from None

    def _digest(self, name: str) -> bytes | None:
        section = self._sections.get(name)
        if section is None:
            return None
        written = [section.enabled, section.locked, section.config]
        return hashlib.sha256(msgspec.json.encode(written, order="deterministic")).digest()

    async def _save(self, changed: Sequence[StoredState], by: str, reason: str) -> int:
        """Store a change as one new version, then remember it here."""
        now = time_ns() // 1_000_000
        number = await self._database.write(
            partial(store.save, changed=changed, by=by, reason=reason, now=now)
        )
        for state in changed:
            self._stored[state.name] = replace(state, version=number, updated_at=now)
        return number


def refuse_stale(current: int, wanted: frozenset[int] | None) -> None:
    if wanted is None or current in wanted:
        return
    sent = f", you sent {', '.join(map(str, sorted(wanted)))}" if wanted else ""
    raise Refused(
        412,
        "version_conflict",
        f"Version {current} is current{sent}.",
        detail={"current_version": current},
    )
