"""Names for models over the API: rows of the module `modelalias`, one at a time.

Each change is a change of that module: checked, a version of its own, and in effect for the next
call.
"""

from collections.abc import Callable
from typing import Any

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from stockyard.api.identity import Identity
from stockyard.api.parameters import Given, Reason
from stockyard.api.permission import needs
from stockyard.apps.chute.modules import ModuleChanges
from stockyard.errors import Refused

MODULE, ROWS, NAME = "modelalias", "aliases", "alias"

Modules = Given[ModuleChanges]
Who = Given[Identity]
Row = dict[str, Any]
Rows = list[Row]
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
        """Every name, in the order in which they stand."""
        rows = rows_of(modules)
        return AliasList(aliases=rows, count=len(rows))

    @post("/aliases", opt=WRITE)
    async def create_alias(
        self, modules: Modules, identity: Who, data: JSONBody[Row], why: Reason = None
    ) -> Row:
        """Add a name, or say anew what it stands for."""
        return await save(modules, data, identity, why)

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
    ) -> Row:
        """Say what a name stands for, whether or not it is new."""
        return await save(modules, {**data, NAME: alias.removeprefix("/")}, identity, why)

    @delete("/aliases/{alias:path}", opt=WRITE, status_code=200)
    async def delete_alias(
        self, modules: Modules, identity: Who, alias: FromPath[str], why: Reason = None
    ) -> AliasGone:
        """Take a name away. Calls under way keep what it stood for."""
        name = alias.removeprefix("/")

        def without(rows: Rows) -> Rows:
            kept = [row for row in rows if row.get(NAME) != name]
            if len(kept) == len(rows):
                raise unknown(name)
            return kept

        await change(modules, without, identity, why)
        return AliasGone(deleted=True, config_version=modules.control.config_version)


async def save(modules: ModuleChanges, row: Row, identity: Identity, why: str | None) -> Row:
    """Put a row in the place of the one of its name, or at the end."""

    def with_it(rows: Rows) -> Rows:
        if all(known.get(NAME) != row.get(NAME) for known in rows):
            return [*rows, row]
        return [row if known.get(NAME) == row.get(NAME) else known for known in rows]

    await change(modules, with_it, identity, why)
    return row_of(modules, row[NAME])


async def change(
    modules: ModuleChanges, edit: Callable[[Rows], Rows], identity: Identity, why: str | None
) -> None:
    def edited(config: dict[str, Any]) -> dict[str, Any]:
        return {**config, ROWS: edit(list(config.get(ROWS, ())))}

    await modules.edit(MODULE, edited, by=identity.name, reason=why or "")


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
