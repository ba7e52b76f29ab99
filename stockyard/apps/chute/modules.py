"""Changes of modules: validated, stored, then put into effect, one at a time."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import time_ns
from typing import Any

from msgspec.structs import replace

from stockyard.apps.chute import store
from stockyard.apps.chute.layers import BY_FILE, Layers, Section
from stockyard.apps.chute.models import Difference, StoredState, Wish
from stockyard.core.control import LineControl, ModuleState, Prepared
from stockyard.core.signals import ModuleChanged, Signal
from stockyard.errors import Refused
from stockyard.storage.database import Database

log = logging.getLogger("stockyard.chute")

EDITED = "The config file was edited."


class ModuleChanges:
    """Makes all changes of modules."""

    layers: Layers
    """The layers of configuration, from `start` on."""

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
        self._sections = sections
        self._owned_by_file = owned_by_file
        self.one_at_a_time = asyncio.Lock()
        """Held during every change."""

    async def start(self) -> None:
        """Put what is stored and what the file says into effect. Raises CannotStart (78)."""
        shipped = {state.name: state for state in self.control.states()}
        stored = store.states(self._database)
        for name in stored.keys() - shipped.keys():
            log.warning("The module %s is not in this version; what was set on it is kept.", name)
        self.layers = Layers(
            self.control, shipped, self._sections, stored, owned_by_file=self._owned_by_file
        )
        outdated = self.layers.forget_outdated()
        number = store.newest_version(self._database)
        prepared = self.layers.prepare_all(self.layers.spoken_of())
        if outdated:
            number = await self._save(self.layers, outdated, BY_FILE, EDITED)
        self.control.config_version = number
        for change in prepared.values():
            change.apply(number)

    async def take_up(self, sections: Mapping[str, Section]) -> None:
        """Put the file's current contents into effect. The caller holds `one_at_a_time`.

        Raises CannotStart (78) before the first wait; then everything is as it was.
        """
        layers = self.layers.with_sections(sections)
        outdated = layers.forget_outdated()
        prepared = layers.prepare_all(layers.edited_since(self.layers))
        number = await self._save(layers, outdated, BY_FILE, EDITED) if prepared else 0
        self.layers = layers
        self._put_into_effect(prepared, number)

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
            before = self.layers.stored(real)
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
        """Edit a part of a module's current configuration."""
        async with self.one_at_a_time:
            name = self.control.resolve(name)
            config = change(dict(self.layers.config(name)))
            await self._carry_out({name: Wish(config=config)}, by, reason)

    async def switch(
        self, names: Sequence[str], *, enabled: bool, by: str, reason: str = ""
    ) -> int:
        """Switch many modules on or off: all of them, or none. How many there were."""
        async with self.one_at_a_time:
            wishes = self._switching(names, enabled=enabled)
            await self._carry_out(wishes, by, reason)
            return len(wishes)

    async def reset(
        self, name: str, *, by: str, reason: str = "", if_match: frozenset[int] | None = None
    ) -> ModuleState:
        """Discard what was set over the API: back to the config file, or to the defaults."""
        async with self.one_at_a_time:
            name = self.control.resolve(name)
            refuse_stale(self.layers.stored(name).version, if_match)
            self.layers.refuse_if_held(name, Wish())
            empty = StoredState(name=name, updated_by=by)
            change = self.layers.prepare(empty)
            number = await self._save(self.layers, [empty], by, reason)
            self._put_into_effect({name: change}, number)
            return self.control.state(name)

    # What a change would change

    def planned(self, wishes: Mapping[str, Wish]) -> list[Difference]:
        """What these changes would change. Raises what carrying them out would raise."""
        found: list[Difference] = []
        for (name, change), wish in zip(self._checked(wishes), wishes.values(), strict=True):
            locked = self.layers.locked(name) if wish.locked is None else wish.locked
            found += self._differences(name, change, locked=locked)
        return found

    def planned_edit(
        self, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> list[Difference]:
        """What `edit` would change."""
        real = self.control.resolve(name)
        return self.planned({real: Wish(config=change(dict(self.layers.config(real))))})

    def planned_switch(self, names: Sequence[str], *, enabled: bool) -> list[Difference]:
        """What `switch` would change."""
        return self.planned(self._switching(names, enabled=enabled))

    def planned_reset(self, name: str) -> list[Difference]:
        """What `reset` would change."""
        name = self.control.resolve(name)
        self.layers.refuse_if_held(name, Wish())
        change = self.layers.prepare(StoredState(name=name))
        return self._differences(name, change, locked=False)

    def _differences(self, name: str, change: Prepared, *, locked: bool) -> list[Difference]:
        now = self.control.state(name)
        pairs = {
            "/enabled": (now.enabled, change.enabled),
            "/locked": (self.layers.locked(name), locked),
            **{f"/config/{key}": (now.config[key], change.config[key]) for key in now.config},
        }
        return [
            Difference(module=name, pointer=pointer, before=before, after=after)
            for pointer, (before, after) in pairs.items()
            if before != after
        ]

    # How it comes about

    async def _carry_out(self, wishes: Mapping[str, Wish], by: str, reason: str) -> None:
        """Validate all changes, then store and apply them. `wishes` are by the requested names."""
        prepared = dict(self._checked(wishes))
        if not wishes:
            return
        changed = [self.layers.wished(asked, wish, by) for asked, wish in wishes.items()]
        number = await self._save(self.layers, changed, by, reason)
        self._put_into_effect(prepared, number)

    def _checked(self, wishes: Mapping[str, Wish]) -> list[tuple[str, Prepared]]:
        """The prepared changes by the modules' real names, in the order requested."""
        checked = []
        for asked, wish in wishes.items():
            name = self.control.resolve(asked)
            self.layers.refuse_if_held(name, wish)
            change = self.control.prepare(asked, enabled=wish.enabled, config=wish.config)
            checked.append((name, change))
        return checked

    def _switching(self, names: Sequence[str], *, enabled: bool) -> dict[str, Wish]:
        found, unknown = [], []
        for name in names:
            try:
                found.append(self.control.resolve(name))
            except Refused:
                unknown.append(name)
        if unknown:
            listed = ", ".join(unknown)
            raise Refused(404, "module_unknown", f"There are no such modules: {listed}.")
        return {name: Wish(enabled=enabled) for name in found}

    def _put_into_effect(self, prepared: Mapping[str, Prepared], number: int) -> None:
        for name, change in prepared.items():
            change.apply(number)
            enabled = self.control.state(name).enabled
            self._announce(ModuleChanged(name, enabled, number))

    async def _save(
        self, layers: Layers, changed: Sequence[StoredState], by: str, reason: str
    ) -> int:
        """Store a change as one new version, then take it up in these layers."""
        now = time_ns() // 1_000_000
        number = await self._database.write(
            partial(store.save, changed=changed, by=by, reason=reason, now=now)
        )
        for state in changed:
            layers.store(replace(state, version=number, updated_at=now))
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
