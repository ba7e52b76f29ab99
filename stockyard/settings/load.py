"""Read the settings: flag over environment over file over default, every value checked.

The file is a tree of tables; the environment and the flags set single places in it. The tree is
then read field by field into the structs of `sections.py`, so that an error can name the place,
the line in the file, and the nearest name that exists.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from stockyard.core.target import Secret
from stockyard.errors import CannotStart
from stockyard.settings import checks, document, environment, secret_file
from stockyard.settings.document import Document, Place
from stockyard.settings.sections import (
    FROM_ENVIRONMENT_ONLY,
    AliasSection,
    ModuleSection,
    Settings,
)
from stockyard.settings.units import Seconds, Size

S = TypeVar("S", bound=Struct)

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\}", re.DOTALL)
PART = re.compile(r"\$\{[A-Z_][A-Z0-9_]*(?::-[^}]*)?\}")
"""A variable as they are usually named; other texts may hold `${` for reasons of their own."""
OLD_SECTIONS = {
    "rate_limit": ("modules", "ratelimit"),
    "cache": ("modules", "cache"),
    "failover": ("modules", "failover"),
    "logging": ("modules", "logging"),
}


def load(overrides: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings of this process. `overrides` are flags: `{"server.port": 4300, "config": "x"}`.

    Raises CannotStart(78) for anything that is not understood.
    """
    environment.refuse_switches(environ)
    named = overrides.get("config") or environ.get("STOCKYARD_CONFIG")
    path = document.find(named, environ, cwd)
    read = document.read(path) if path else None
    tree = Tree(read, environ)
    warnings = [*tree.rename_old_sections(), *(document.passed_over(path) if path else ())]
    for name, place, text in environment.assignments(environ):
        tree.assign(place, text, name)
    for key, value in overrides.items():
        if key != "config" and value is not None:
            tree.assign(tuple(key.split(".")), value, f"--{key}")
    settings = tree.struct(Settings, tree.tables, ())
    settings = msgspec.structs.replace(
        settings,
        proxies=environment.proxies(environ),
        admin_key=environment.admin_key(environ),
        print_secrets=environ.get("STOCKYARD_PRINT_SECRETS") == "1",
        file=path,
        warnings=(*warnings, *environment.warnings(environ), *checks.doubts(settings)),
    )
    return checks.checked(settings)


class Tree:
    """All settings in one tree of tables, with where each came from."""

    def __init__(self, read: Document | None, environ: Mapping[str, str]) -> None:
        self.tables: dict[str, Any] = read.tables if read else {}
        self._document = read
        self._environ = environ
        self._said_by: dict[Place, str] = {}
        """Places that were set outside the file: there everything is text."""

    def rename_old_sections(self) -> list[str]:
        if "admin_key" in self.tables:
            raise self.refused(
                ("admin_key",), "a secret does not belong here: set STOCKYARD_ADMIN_KEY"
            )
        notices = []
        for old, (section, name) in OLD_SECTIONS.items():
            if old not in self.tables:
                continue
            table = self.table(self.tables.setdefault(section, {}), (section,))
            if name in table:
                raise self.refused((old,), f"is said twice, here and as [{section}.{name}]")
            table[name] = self.tables.pop(old)
            notices.append(f"[{old}] is now called [{section}.{name}].")
        return notices

    def assign(self, place: Place, value: Any, said_by: str) -> None:
        table: Any = self.tables
        for index, key in enumerate(place[:-1]):
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise self.refused(place[: index + 1], "must be a table")
        table[place[-1]] = value
        self._said_by[place] = said_by

    def struct(self, kind: type[S], value: object, place: Place) -> S:
        table = self.table(value, place)
        fields = {
            name: hint
            for name, hint in get_type_hints(kind, include_extras=True).items()
            if name in kind.__struct_fields__ and (place or name not in FROM_ENVIRONMENT_ONLY)
        }
        for key in table:
            if key not in fields:
                known = environment.did_you_mean(key, tuple(fields))
                raise self.refused((*place, key), f'unknown key "{key}".{known}')
        values = {key: self.value(fields[key], table[key], (*place, key)) for key in table}
        try:
            return kind(**values)
        except TypeError:
            missing = [name for name in kind.__struct_fields__ if name not in values]
            raise self.refused(place, f'needs "{missing[0]}"') from None

    def value(self, hint: Any, value: object, place: Place) -> Any:
        if isinstance(hint, type):
            if hint is ModuleSection:
                return self.module(value, place)
            if hint is AliasSection and isinstance(value, str):
                return AliasSection(targets=(value,))
            if issubclass(hint, Struct):
                return self.struct(hint, value, place)
        kind = get_origin(hint)
        if kind is dict and get_args(hint)[1] is not Any:
            inner = get_args(hint)[1]
            table = self.table(value, place)
            return {key: self.value(inner, item, (*place, key)) for key, item in table.items()}
        if kind is tuple:
            inner = get_args(hint)[0]
            items = enumerate(self.items(value, place))
            return tuple(self.value(inner, item, (*place, index)) for index, item in items)
        return self.leaf(hint, value, place)

    def leaf(self, hint: Any, value: object, place: Place) -> Any:
        self.refuse_parts(value, place)
        resolved = self.resolved(value, place)
        loose = self.said_by(place) is not None or resolved is not value
        try:
            return msgspec.convert(resolved, hint, strict=not loose, dec_hook=custom)
        except (msgspec.ValidationError, ValueError) as error:
            raise self.refused(place, choice(hint) or readable(error)) from None

    def module(self, value: object, place: Place) -> ModuleSection:
        """`enabled` and `locked` belong to every module, the rest is its Config."""
        rest = dict(self.table(value, place))
        enabled = self.leaf(bool, rest.pop("enabled", True), (*place, "enabled"))
        locked = self.leaf(bool, rest.pop("locked", False), (*place, "locked"))
        config = {key: self.config_value(item, (*place, key)) for key, item in rest.items()}
        return ModuleSection(enabled=enabled, locked=locked, config=config)

    def config_value(self, value: object, place: Place) -> Any:
        if isinstance(value, dict):
            return {key: self.config_value(item, (*place, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.config_value(item, (*place, i)) for i, item in enumerate(value)]
        if isinstance(value, str) and self.said_by(place):
            return from_text(value)
        return self.resolved(value, place)

    def table(self, value: object, place: Place) -> dict[str, Any]:
        if isinstance(value, str) and self.said_by(place):
            value = from_text(value)
        if not isinstance(value, dict):
            raise self.refused(place, "must be a table")
        return value

    def items(self, value: object, place: Place) -> Iterable[object]:
        if isinstance(value, str) and self.said_by(place):
            given = from_text(value)
            if isinstance(given, list):
                return given
            return [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple):
            raise self.refused(place, "must be a list")
        return value

    def resolved(self, value: object, place: Place) -> object:
        """`${NAME}` and `file:/path` stand for what is in the variable or the file."""
        if not isinstance(value, str):
            return value
        reference = REFERENCE.fullmatch(value)
        if reference:
            name, default = reference.groups()
            found = self._environ.get(name, default)
            if found is None:
                raise self.refused(place, f"needs the environment variable {name}, not set")
            return found
        if secret_file.names_a_file(value):
            try:
                return secret_file.content(value)
            except ValueError as error:
                raise self.refused(place, f"{error}") from None
        return value

    def refuse_parts(self, value: object, place: Place) -> None:
        """Refuse malformed references, which would otherwise be used as the secret itself."""
        if not isinstance(value, str) or REFERENCE.fullmatch(value):
            return
        if PART.search(value):
            raise self.refused(place, "${...} stands for a whole value, not for a part of one")
        if value.startswith(secret_file.SCHEME) and not secret_file.names_a_file(value):
            raise self.refused(place, secret_file.WHOLE)

    def said_by(self, place: Place) -> str | None:
        lengths = range(len(place), 0, -1)
        return next((self._said_by[place[:n]] for n in lengths if place[:n] in self._said_by), None)

    def refused(self, place: Place, what: str) -> CannotStart:
        below = (name for said, name in self._said_by.items() if said[: len(place)] == place)
        said_by = self.said_by(place) or next(below, None)
        where = said_by or (self._document.where(place) if self._document else "settings")
        about = "" if what.startswith("unknown key") or not place else f"{dotted(place)} "
        end = "" if what.endswith(("?", ".")) else "."
        return CannotStart(78, f"{where} {about}{what}{end}")


CUSTOM: Mapping[type, Callable[[Any], Any]] = {
    Seconds: Seconds.read,
    Size: Size.read,
}


WORDS = (
    ("Expected", "must be"),
    (", got", ", not"),
    ("`int`", "a whole number"),
    ("`float`", "a number"),
    ("`str`", "a text"),
    ("`bool`", "true or false"),
    ("`array`", "a list"),
    ("`object`", "a table"),
    (" >= ", " of at least "),
    (" <= ", " of at most "),
)


def custom(kind: type, value: object) -> Any:
    """What msgspec asks us to read: our units, secrets and paths."""
    if kind in CUSTOM:
        return CUSTOM[kind](value)
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text that is not empty")
    return Secret(value) if kind is Secret else Path(os.path.expanduser(value))


def from_text(text: str) -> Any:
    """A value outside the file may be written as in TOML; anything else is a text."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text


def choice(hint: Any) -> str:
    """What may be written, where it is one of a few words; otherwise nothing."""
    if get_origin(hint) is not Literal:
        return ""
    *words, last = (f'"{word}"' for word in get_args(hint))
    return f"must be {', '.join(words)} or {last}"


def readable(error: Exception) -> str:
    """msgspec's message without its path notation, in plain words."""
    text = str(error).partition(" - at `$")[0]
    for theirs, ours in WORDS:
        text = text.replace(theirs, ours)
    return text


def dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)
