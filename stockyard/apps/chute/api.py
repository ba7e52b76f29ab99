"""The endpoints for modules."""

import re
from typing import Annotated, Any, Literal

from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody
from msgspec import Meta, Struct

from stockyard.api.identity import Identity
from stockyard.api.parameters import DryRun, Given, Name, Reason
from stockyard.api.permission import needs
from stockyard.apps.chute.models import Difference, Planned, Wish
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.core.control import ModuleState
from stockyard.errors import Refused

Modules = Given[ModuleChanges]
Who = Given[Identity]
IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        max_length=500,
        description="The `ETag` of what is to be replaced; nothing newer will be.",
    ),
]
Words = Annotated[str, Meta(max_length=500)]

ETAG = re.compile(r'(?<!W/)"v(\d{1,15})"')
TAGS = re.compile(r'\s*(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*\s*')
READ, WRITE = needs("chute.read"), needs("chute.write")


class ModuleView(Struct, frozen=True, kw_only=True):
    """One module as it is set and as it runs. The last two are older names."""

    name: str
    category: str
    title: str
    stage: str | None
    order: int
    handles: tuple[str, ...]
    scope: Literal["global"] = "global"
    set_at: Literal["shipped", "file", "api"]
    enabled: bool
    locked: bool
    config: dict[str, Any]
    state: str
    in_line: bool
    streaming: str | None
    fails: str | None
    version: int
    updated_at: int | None
    updated_by: str | None
    counters: dict[str, Any]
    renamed_from: str | None = None
    in_chain: bool
    priority: int


class ModuleDetail(ModuleView, frozen=True, kw_only=True):
    docs: str
    schema: dict[str, Any]


class ModuleList(Struct, frozen=True, kw_only=True):
    modules: list[ModuleView]
    count: int
    next: None = None


class ModuleWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change. Omitted fields stay as they are; `config` replaces the whole Config."""

    enabled: bool | None = None
    config: dict[str, Any] | None = None
    locked: bool | None = None
    reason: Words = ""


class Updated(Struct, frozen=True, kw_only=True):
    status: Literal["updated"] = "updated"
    module: ModuleView
    config_version: int
    previous_version: int


class BulkWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which modules to switch: by name or by category."""

    modules: Annotated[list[str], Meta(max_length=500)] | None = None
    category: str | None = None
    enabled: bool
    reason: Words = ""


class BulkDone(Struct, frozen=True, kw_only=True):
    affected: int
    config_version: int


class ModuleStats(Struct, frozen=True, kw_only=True):
    name: str
    enabled: bool
    in_line: bool
    state: str
    counters: dict[str, Any]


class ModuleReset(Struct, frozen=True, kw_only=True):
    deleted: Literal[True] = True
    module: ModuleView
    config_version: int


class LineEntry(Struct, frozen=True, kw_only=True):
    """A module that calls pass, in the order in which they pass it."""

    name: str
    category: str
    stage: str | None
    order: int
    streaming: str | None
    fails: str | None
    state: str


class Line(Struct, frozen=True, kw_only=True):
    line: list[LineEntry]
    count: int
    config_version: int
    next: None = None


class ModuleEndpoints(Controller):
    """Modules and the line they form."""

    tags = ["Chute"]  # noqa: RUF012  the framework's own declaration

    @get("/modules", opt=READ)
    async def list_modules(
        self, modules: Modules, category: Name = None, enabled: FromQuery[bool | None] = None
    ) -> ModuleList:
        """Every module of the catalog, in order."""
        found = [
            view(modules, state)
            for state in modules.control.states()
            if category in (None, state.category) and enabled in (None, state.enabled)
        ]
        return ModuleList(modules=found, count=len(found))

    @get("/modules/{name:str}", opt=READ)
    async def read_module(self, modules: Modules, name: FromPath[str]) -> Response[ModuleDetail]:
        """One module with its documentation and the schema of its Config."""
        real = modules.control.resolve(name)
        state = modules.control.state(real)
        detail = ModuleDetail(
            **facts(modules, state, asked=name),
            docs=state.docs,
            schema=modules.control.schema(real),
        )
        return Response(detail, headers={"ETag": f'"v{detail.version}"'})

    @put("/modules/{name:str}", opt=WRITE)
    async def change_module(
        self,
        modules: Modules,
        identity: Who,
        name: FromPath[str],
        data: JSONBody[ModuleWish],
        if_match: IfMatch = None,
        why: Reason = None,
        dry_run: DryRun = False,
    ) -> Updated | Planned:
        """Switch a module or set its Config. The next call sees it, also after a restart."""
        wish = Wish(enabled=data.enabled, config=data.config, locked=data.locked)
        if dry_run:
            return planned(modules, modules.planned({name: wish}))
        state, previous = await modules.change(
            name,
            wish,
            by=identity.name,
            reason=data.reason or why or "",
            if_match=versions_in(if_match),
        )
        return Updated(
            module=view(modules, state),
            config_version=modules.control.config_version,
            previous_version=previous,
        )

    @delete("/modules/{name:str}", opt=WRITE, status_code=200)
    async def reset_module(
        self,
        modules: Modules,
        identity: Who,
        name: FromPath[str],
        if_match: IfMatch = None,
        why: Reason = None,
        dry_run: DryRun = False,
    ) -> ModuleReset | Planned:
        """Discard what was set over the API: back to the config file, or to the defaults."""
        if dry_run:
            return planned(modules, modules.planned_reset(name))
        state = await modules.reset(
            name, by=identity.name, reason=why or "", if_match=versions_in(if_match)
        )
        return ModuleReset(
            module=view(modules, state), config_version=modules.control.config_version
        )

    @post("/modules/bulk", opt=WRITE, status_code=200)
    async def change_modules(
        self,
        modules: Modules,
        identity: Who,
        data: JSONBody[BulkWish],
        why: Reason = None,
        dry_run: DryRun = False,
    ) -> BulkDone | Planned:
        """Switch many modules: all of them, or none if one is unknown or locked."""
        if (data.modules is None) == (data.category is None):
            raise Refused(400, "invalid", "Send either `modules` or `category`.")
        names = data.modules
        if names is None:
            states = modules.control.states()
            names = [state.name for state in states if state.category == data.category]
            if not names:
                raise Refused(404, "not_found", f"There is no category '{data.category}'.")
        if dry_run:
            return planned(modules, modules.planned_switch(names, enabled=data.enabled))
        affected = await modules.switch(
            names, enabled=data.enabled, by=identity.name, reason=data.reason or why or ""
        )
        return BulkDone(affected=affected, config_version=modules.control.config_version)

    @get("/modules/{name:str}/schema", opt=READ)
    async def schema(self, modules: Modules, name: FromPath[str]) -> dict[str, Any]:
        """JSON Schema 2020-12 of the module's Config."""
        return modules.control.schema(modules.control.resolve(name))

    @get("/modules/{name:str}/stats", opt=READ)
    async def stats(self, modules: Modules, name: FromPath[str]) -> ModuleStats:
        """The module's statistics since the process started."""
        state = modules.control.state(modules.control.resolve(name))
        return ModuleStats(
            name=state.name,
            enabled=state.enabled,
            in_line=state.in_line,
            state=state.state,
            counters=state.counters,
        )

    @get(["/line", "/chain"], opt=READ)
    async def line(self, modules: Modules, kind: Name = None) -> Line:
        """The modules that calls pass now, in order; answers pass them in reverse."""
        entries = [
            LineEntry(
                name=state.name,
                category=state.category,
                stage=state.stage,
                order=state.order,
                streaming=state.streaming,
                fails=state.fails,
                state=state.state,
            )
            for state in modules.control.states()
            if state.in_line and (kind is None or kind in state.handles)
        ]
        version = modules.control.config_version
        return Line(line=entries, count=len(entries), config_version=version)


def planned(modules: ModuleChanges, differences: list[Difference]) -> Planned:
    return Planned(differences=differences, config_version=modules.control.config_version)


def view(modules: ModuleChanges, state: ModuleState) -> ModuleView:
    return ModuleView(**facts(modules, state))


def facts(modules: ModuleChanges, state: ModuleState, asked: str = "") -> dict[str, Any]:
    stored = modules.layers.stored(state.name)
    return {
        "name": state.name,
        "category": state.category,
        "title": state.title,
        "stage": state.stage,
        "order": state.order,
        "handles": state.handles,
        "set_at": modules.layers.set_at(state.name),
        "enabled": state.enabled,
        "locked": modules.layers.locked(state.name),
        "config": state.config,
        "state": state.state,
        "in_line": state.in_line,
        "streaming": state.streaming,
        "fails": state.fails,
        "version": stored.version,
        "updated_at": stored.updated_at or None,
        "updated_by": stored.updated_by or None,
        "counters": state.counters,
        "renamed_from": asked if asked and asked != state.name else None,
        "in_chain": state.in_line,
        "priority": state.order,
    }


def versions_in(if_match: str | None) -> frozenset[int] | None:
    """The versions that a change is meant for; None for any.

    Weak tags mean none (RFC 9110, 13.1.1), and neither do those that are not ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    if not TAGS.fullmatch(if_match):
        raise Refused(400, "invalid", 'If-Match must be an ETag such as "v7".')
    return frozenset(int(found) for found in ETAG.findall(if_match))
