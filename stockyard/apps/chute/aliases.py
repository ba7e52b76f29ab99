"""The endpoints for model names: rows of the module `modelalias`, one at a time.

Each change is validated, stored as a new version of the module's configuration, and in effect for
the next call.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from stockyard.api.identity import Identity
from stockyard.api.parameters import DryRun, Given, Reason
from stockyard.api.permission import needs
from stockyard.apps.chute.models import Planned
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.errors import InvalidConfig, Refused

MODULE, ROWS, NAME = "modelalias", "aliases", "alias"

Modules = Given[ModuleChanges]
Who = Given[Identity]
Row = dict[str, Any]
Rows = list[Row]
Edit = Callable[[Rows], Rows]
IN_ROWS = re.compile(r"^aliases\[\d+\]\.?")
READ, WRITE = needs("chute.read"), needs("chute.write")


class AliasList(Struct, frozen=True, kw_only=True):
    """Names and what they stand for, as the options of `modelalias` say it."""

    aliases: Rows
    count: int
    next: None = None


class AliasGone(Struct, frozen=True, kw_only=True):
    deleted: bool
    config_version: int


class AliasEndpoints(Controller):
    """Names for models."""

    tags = ["Chute"]  # noqa: RUF012  the framework's own declaration

    @get("/aliases", opt=READ)
    async def list_aliases(self, modules: Modules) -> AliasList:
        """All names, in order."""
        rows = rows_of(modules)
        return AliasList(aliases=rows, count=len(rows))

    @post("/aliases", opt=WRITE)
    async def create_alias(
        self,
        modules: Modules,
        identity: Who,
        data: JSONBody[Row],
        why: Reason = None,
        dry_run: DryRun = False,
    ) -> Response[Row | Planned]:
        """Add a name, or redefine it."""
        if dry_run:
            return Response(plan(modules, with_row(data)), status_code=200)
        return Response(await save(modules, data, identity, why))

    @get("/aliases/{alias:path}", opt=READ)
    async def read_alias(self, modules: Modules, alias: FromPath[str]) -> Row:
        """One name."""
        return row_of(modules, alias.removeprefix("/"))

    @put("/aliases/{alias:path}", opt=WRITE)
    async def change_alias(
        self,
        modules: Modules,
        identity: Who,
        alias: FromPath[str],
        data: JSONBody[Row],
        why: Reason = None,
        dry_run: DryRun = False,
    ) -> Row | Planned:
        """Define a name, new or not."""
        row = {**data, NAME: alias.removeprefix("/")}
        if dry_run:
            return plan(modules, with_row(row))
        return await save(modules, row, identity, why)

    @delete("/aliases/{alias:path}", opt=WRITE, status_code=200)
    async def delete_alias(
        self,
        modules: Modules,
        identity: Who,
        alias: FromPath[str],
        why: Reason = None,
        dry_run: DryRun = False,
    ) -> AliasGone | Planned:
        """Remove a name. Calls under way are not affected."""
        name = alias.removeprefix("/")
        if dry_run:
            return plan(modules, without(name))
        await change(modules, without(name), identity, why)
        return AliasGone(deleted=True, config_version=modules.control.config_version)


async def save(modules: ModuleChanges, row: Row, identity: Identity, why: str | None) -> Row:
    """Put a row in the place of the one of its name, or at the end."""
    await change(modules, with_row(row), identity, why)
    return row_of(modules, row[NAME])


def with_row(row: Row) -> Edit:
    def edited(rows: Rows) -> Rows:
        if all(known.get(NAME) != row.get(NAME) for known in rows):
            return [*rows, row]
        return [row if known.get(NAME) == row.get(NAME) else known for known in rows]

    return edited


def without(name: str) -> Edit:
    def edited(rows: Rows) -> Rows:
        kept = [row for row in rows if row.get(NAME) != name]
        if len(kept) == len(rows):
            raise unknown(name)
        return kept

    return edited


async def change(modules: ModuleChanges, edit: Edit, identity: Identity, why: str | None) -> None:
    with told_of_the_row():
        await modules.edit(MODULE, config_with(edit), by=identity.name, reason=why or "")


def plan(modules: ModuleChanges, edit: Edit) -> Planned:
    with told_of_the_row():
        differences = modules.planned_edit(MODULE, config_with(edit))
    return Planned(differences=differences, config_version=modules.control.config_version)


def config_with(edit: Edit) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda config: {**config, ROWS: edit(list(config.get(ROWS, ())))}


@contextmanager
def told_of_the_row() -> Iterator[None]:
    """Report errors relative to the row that was sent, not to the module's whole Config."""
    try:
        yield
    except InvalidConfig as error:
        raise InvalidConfig(
            IN_ROWS.sub("", error.path),
            error.message,
            code=error.code,
            status=error.status,
            root="",
        ) from None


def rows_of(modules: ModuleChanges) -> Rows:
    rows: Rows = modules.control.state(MODULE).config[ROWS]
    return rows


def row_of(modules: ModuleChanges, name: str) -> Row:
    for row in rows_of(modules):
        if row[NAME] == name:
            return row
    raise unknown(name)


def unknown(name: str) -> Refused:
    return Refused(404, "not_found", f"There is no alias '{name[:128]}'.")
